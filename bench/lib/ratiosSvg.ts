import type { Bar } from '../suite.js';

const width = 760;
const left = 210;
const right = 60;
const barHeight = 14;
const rowHeight = 20;
const groupHeight = 34;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .group { font-weight: 600; }
  .bar { fill: #9aa4b0; } .own { fill: #1a7f6b; }
  .unit { stroke: #59636e; } .target { stroke: #b3400c; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .bar { fill: #6b7684; } .own { fill: #3fb6a0; }
    .unit { stroke: #9198a1; } .target { stroke: #ff9b5e; }
  }`;

/** Ratios to the reference as horizontal bars, a block a group; the line is the reference, a tick a target. */
export function ratiosSvg(bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const most = Math.max(1, ...bars.flatMap(({ ratio, target = 0 }) => [ratio, target]));
  const x = (ratio: number): string => (left + (ratio / most) * (width - left - right)).toFixed(1);
  const parts: string[] = [];
  let y = 0;
  for (const group of groups) {
    const own = bars.filter((bar) => bar.group === group);
    const bottom = y + groupHeight + own.length * rowHeight;
    parts.push(`<text class="group" x="0" y="${y + 24}">${escaped(group)}</text>`);
    y += groupHeight;
    for (const { label, ratio, target } of own) {
      const middle = y + barHeight / 2 + 4;
      const kind = label.startsWith('millrace') ? 'bar own' : 'bar';
      parts.push(
        `<text x="${left - 8}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${kind}" x="${left}" y="${y}" width="${(Number(x(ratio)) - left).toFixed(1)}" height="${barHeight}"/>`,
        `<text x="${width}" y="${middle}" text-anchor="end">${ratio.toFixed(2)}</text>`,
      );
      if (target !== undefined) {
        parts.push(
          `<line class="target" x1="${x(target)}" x2="${x(target)}" y1="${y - 2}" y2="${y + barHeight + 2}"/>`,
        );
      }
      y += rowHeight;
    }
    parts.push(
      `<line class="unit" x1="${x(1)}" x2="${x(1)}" y1="${bottom - own.length * rowHeight - 4}" y2="${bottom - 2}"/>`,
    );
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 8}" role="img" aria-label="Ratios to the reference; higher is faster">`,
    `<style>${style}\n</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
