import * as v from 'valibot';
import { surprise } from '../../src/operators/compileReader.js';
import { createReaders } from '../../src/operators/createReaders.js';

const schemaOf = (type: string) => v.object({ type: v.literal(type), id: v.number() });
const textOf = (type: string, id = 1): string => `{"type":"${type}","id":${id}}`;

describe('readers', () => {
  it('read what fits one of their schemas, and say which', () => {
    const [a, b] = [schemaOf('a'), schemaOf('b')];
    const readers = createReaders([a, b, a])!;
    const read = ['a', 'b', 'a', 'c'].map((type) => [readers.read(textOf(type)), readers.schema]);

    expect(read.slice(0, 3)).toStrictEqual([
      [{ type: 'a', id: 1 }, a],
      [{ type: 'b', id: 1 }, b],
      [{ type: 'a', id: 1 }, a],
    ]);
    expect(read[3]![0]).toBe(surprise);
    expect(readers.stats()).toStrictEqual({ read: 3, surprised: 1 });
  });

  it('are none where no schema can be read', () => {
    expect(createReaders([v.object({ id: v.pipe(v.string(), v.transform(Number)) })])).toBeUndefined();
  });

  it('rest after 64 surprises in a row, for 1 024 texts', () => {
    const readers = createReaders([schemaOf('a')])!;
    for (let count = 0; count < 63; count += 1) readers.read('[]');
    expect(readers.read(textOf('a'))).not.toBe(surprise);
    for (let count = 0; count < 64; count += 1) readers.read('[]');
    for (let count = 0; count < 1_024; count += 1) expect(readers.read(textOf('a'))).toBe(surprise);

    expect(readers.read(textOf('a'))).toStrictEqual({ type: 'a', id: 1 });
    expect(readers.stats()).toStrictEqual({ read: 2, surprised: 63 + 64 + 1_024 });
  });

  it('find the right one also among more than are tried at a time', () => {
    const types = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const readers = createReaders(types.map(schemaOf))!;
    let tries = 1;
    while (readers.read(textOf('t19')) === surprise) tries += 1;

    expect(tries).toBeLessThan(20);
    expect(readers.read(textOf('t19'))).toStrictEqual({ type: 't19', id: 1 });
  });
});
