import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redundantLines } from '../../examples/redundantLines.js';

const root = join(__dirname, '../..');
const source = readFileSync(join(root, 'examples/redundantLines.ts'), 'utf8');

describe('the example of redundant lines', () => {
  it('misses and repeats nothing, whichever line is killed', async () => {
    const { published, ids, stats } = await redundantLines({ kills: 4, perKill: 5, tickMs: 2 });
    const { A, B } = stats.lines;

    expect(published).toBe(40);
    expect(ids).toStrictEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(stats).toMatchObject({ emitted: 40, gaps: 0, missing: 0 });
    expect(A!.wins + B!.wins).toBe(40);
    expect(A!.losses + B!.losses).toBeGreaterThan(0);
  });

  it('runs by itself and says what each line was good for', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'examples/redundantLines.ts'],
      { cwd: root },
    );

    expect(stdout).toMatch(
      /^240 published, 240 received, 0 missing\nA: first with \d+, .*\nB: first with \d+, .*\n$/,
    );
  });

  it('is what the page on lines shows', () => {
    const page = readFileSync(join(root, 'docs/lines.md'), 'utf8');
    const [snippet] = [...page.matchAll(/```ts\n(const lines = arbitrate[\s\S]*?)```/g)].map(
      ([, code]) => code!,
    );
    const squeezed = (text: string): string => text.replaceAll(/\s+/g, ' ');

    expect(squeezed(source)).toContain(squeezed(snippet!));
  });
});
