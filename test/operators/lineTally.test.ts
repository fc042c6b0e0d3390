import { timer } from 'rxjs';
import { createLineTally, type LineTally, type Recent } from '../../src/operators/lineTally.js';
import { marbles } from '../marbles.js';

/** Runs each step at its time, and gives the books at `endMs`. */
const at = (
  steps: Readonly<Record<number, (tally: LineTally, recent: Recent) => void>>,
  { endMs = 100, maxRecent = 100 } = {},
): ReturnType<LineTally['stats']> => {
  let stats: ReturnType<LineTally['stats']> | undefined;
  marbles(() => {
    const tally = createLineTally(3, 10, maxRecent);
    const recent: Recent = new Map();
    for (const [ms, step] of Object.entries(steps)) timer(Number(ms)).subscribe(() => step(tally, recent));
    timer(endMs).subscribe(() => (stats = tally.stats()));
  })();
  return stats!;
};

const first = (tally: LineTally, recent: Recent, id: number, by: number): void => {
  tally.receive(by);
  tally.first(recent, id, by);
  tally.settle(by, 'wins');
};
const copy = (tally: LineTally, recent: Recent, id: number, by: number): void => {
  tally.receive(by);
  tally.copy(recent, id, by);
};

describe('createLineTally', () => {
  it('credits a lead to the first line when the second one comes, and only then', () => {
    const { lines } = at({
      0: (...books) => first(...books, 1, 0),
      3: (...books) => copy(...books, 1, 0), // its own copy is none
      4: (...books) => copy(...books, 1, 1),
      9: (...books) => copy(...books, 1, 2),
    });

    expect(lines.map(({ leadMs }) => leadMs)).toStrictEqual([
      { mean: 4, max: 4 },
      { mean: 0, max: 0 },
      { mean: 0, max: 0 },
    ]);
    expect(lines.map(({ duplicates }) => duplicates)).toStrictEqual([1, 1, 1]);
    expect(lines.map(({ losses }) => losses)).toStrictEqual([0, 0, 0]);
  });

  it('a copy that comes after the window is a loss all the same, and gives no lead', () => {
    const { lines } = at({
      0: (...books) => first(...books, 1, 0),
      11: (...books) => copy(...books, 1, 1),
    });

    expect(lines).toMatchObject([{ leadMs: { max: 0 } }, { losses: 1, duplicates: 1 }, { losses: 1 }]);
  });

  it('judges what is left once nothing more can come', () => {
    const books = at({ 0: (...all) => first(...all, 1, 0), 1: (tally) => tally.judgeAll() }, { endMs: 2 });

    expect(books.lines.map(({ losses }) => losses)).toStrictEqual([0, 1, 1]);
  });

  it('judges nothing that was under way when all left', () => {
    const books = at({ 0: (...all) => first(...all, 1, 0), 1: (tally) => tally.leave() });

    expect(books.lines.map(({ losses }) => losses)).toStrictEqual([0, 0, 0]);
  });

  it('watches maxRecent values at once, and leaves nothing behind of the others', () => {
    let known: Recent | undefined;
    const books = at(
      {
        0: (tally, recent) => {
          known = recent;
          for (const id of [1, 2, 3]) first(tally, recent, id, 0);
          expect([...recent.keys()]).toStrictEqual([2, 3]);
        },
      },
      { maxRecent: 2 },
    );

    expect(books.unjudged).toBe(1);
    expect(books.lines.map(({ losses }) => losses)).toStrictEqual([0, 2, 2]);
    expect(known!.size).toBe(0);
  });

  it('adds up whatever becomes of a value, and is alive from beginning to end', () => {
    const { lines } = at({
      0: (tally) => tally.begin(),
      1: (tally) => [0, 0, 1].forEach((by) => tally.receive(by)),
      2: (tally) => tally.settle(0, 'dropped'),
      3: (tally) => tally.end(2),
    });

    expect(lines).toMatchObject([
      { isAlive: true, received: 2, dropped: 1, held: 1, lastAt: 1 },
      { isAlive: true, received: 1, held: 1 },
      { isAlive: false, received: 0 },
    ]);
    expect(lines[2]).not.toHaveProperty('lastAt');
  });
});
