/** Rows as a table in Markdown: the first column is text, the others are figures. */
export const table = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [columns, columns.map((_, index) => (index === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');

/** A figure for a table; a dash for one that there is not. */
export const shown = (value: number, digits = 2): string =>
  Number.isFinite(value) ? value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ') : '–';
