import { timer } from 'rxjs';
import { createFloors } from '../../src/streams/floors.js';
import { leftMs } from '../../src/operators/leftMs.js';
import { marbles } from '../marbles.js';

describe('createFloors', () => {
  it('keeps the floor of a host for all its URLs, on whatever port, and for no other host', () => {
    const floors = createFloors();
    floors.raise('wss://user:secret@a.test/x?token=1', 1_000, 'why');

    expect(floors.of('wss://a.test/y')?.cause).toBe('why');
    expect(floors.of('wss://a.test:8443/x')?.cause).toBe('why');
    expect(floors.of('wss://b.test/x')).toBeUndefined();
  });

  it(
    'is over when its time is',
    marbles(({ flush }) => {
      const floors = createFloors();
      floors.raise('wss://a', 10, 'why');
      const left: number[] = [];
      for (const ms of [0, 9, 10]) timer(ms).subscribe(() => left.push(leftMs(floors.of('wss://a'))));
      flush();

      expect(left).toStrictEqual([10, 1, 0]);
      expect(floors.of('wss://a')).toBeUndefined();
    }),
  );

  it(
    'keeps the later of two',
    marbles(() => {
      const floors = createFloors();
      for (const ms of [10, 30, 20]) floors.raise('wss://a', ms, ms);

      expect(floors.of('wss://a')?.cause).toBe(30);
    }),
  );

  it('has one for all where there is no URL, which ends with any other', () => {
    const floors = createFloors();
    floors.raise('wss://a', 1_000, 'a');
    floors.raise(undefined, 2_000, 'all');
    expect([floors.of('wss://a')?.cause, floors.of(undefined)?.cause]).toStrictEqual(['all', 'all']);

    floors.end('wss://b');
    expect([floors.of('wss://a')?.cause, floors.of(undefined)]).toStrictEqual(['a', undefined]);
  });

  it('keeps those of 100 hosts', () => {
    const floors = createFloors();
    for (let host = 0; host <= 100; host += 1) floors.raise(`wss://h${host}`, 1_000, host);

    expect(floors.of('wss://h0')).toBeUndefined();
    expect(floors.of('wss://h1')?.cause).toBe(1);
  });
});
