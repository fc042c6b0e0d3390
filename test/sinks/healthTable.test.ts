import { config, EMPTY, firstValueFrom, Observable, timer } from 'rxjs';
import type { HealthChange } from '../../src/sinks/healthMonitor.js';
import { HealthTable } from '../../src/sinks/healthTable.js';
import { settled } from '../../src/streams/settled.js';
import { marbles } from '../marbles.js';
import { collectGarbage } from '../collectGarbage.js';

describe('HealthTable', () => {
  it(
    'tells one recovery of a topic, though a value with no time came before it',
    marbles(({ flush }) => {
      const table = new HealthTable({ streams: { a: { staleAfterMs: 2 } } });
      const heard: unknown[] = [];
      table.watch('a', 'x');
      table.changes$.subscribe(({ type, topic }) => heard.push([type, topic]));
      timer(3).subscribe(() => {
        for (const at of [NaN, 3, 3, 3]) table.record('a', at, 'x');
        expect(table.isHealthy()).toBe(true);
        table.stop();
      });
      flush();
      expect(heard.slice(2)).toStrictEqual([
        ['recovered', undefined],
        ['recovered', 'x'],
      ]);
    }),
  );

  it(
    'knows a topic by the place that it was given',
    marbles(({ flush }) => {
      const table = new HealthTable({ streams: { a: { staleAfterMs: 4 } } });
      const a = table.recorder('a');
      table.watch('a', 'x', 7);
      table.watch('a', 'y', 3);
      table.unwatch('a', 'x');
      table.watch('a', 'x', 0);
      timer(3).subscribe(() => a.record(3, 0));
      timer(5).subscribe(() => {
        expect(table.status().map(({ topic, healthy }) => [topic, healthy])).toStrictEqual([
          [undefined, true],
          ['y', false],
          ['x', true],
        ]);
        table.stop();
      });
      flush();
    }),
  );

  it(
    'tells its owner of a change before all others, and survives what that throws',
    marbles(({ flush }) => {
      const heard: string[] = [];
      const thrown: unknown[] = [];
      config.onUnhandledError = (error) => thrown.push(error);
      const table = new HealthTable(
        { streams: { a: { staleAfterMs: 2 } } },
        {
          onHealth: ({ type }) => {
            heard.push(`owner ${type}`);
            throw new Error('broken');
          },
        },
      );
      table.changes$.subscribe(({ type }) => heard.push(type));
      timer(3).subscribe(() => table.record('a'));
      timer(8).subscribe(() => table.stop());
      flush();
      config.onUnhandledError = null;

      const spell = ['owner unhealthy', 'unhealthy'];
      expect(heard).toStrictEqual([...spell, 'owner recovered', 'recovered', ...spell]);
      expect(thrown).toHaveLength(3);
    }),
  );

  it(
    'asks its owner at each verdict for what it is to wait for',
    marbles(({ flush, cold }) => {
      const waits = [cold('--x'), cold('-x')];
      const heard: unknown[] = [];
      const table = new HealthTable(
        { streams: { a: { staleAfterMs: 5 }, b: { staleAfterMs: 10 } } },
        {
          onHealth: ({ stream, at }) => heard.push([stream, at]),
          get workedOff$() {
            return waits.shift() ?? EMPTY;
          },
        },
      );
      timer(20).subscribe(() => table.stop());
      flush();

      expect(heard).toStrictEqual([
        ['a', 7],
        ['b', 11],
      ]);
    }),
  );

  it('is not held by who keeps its changes$', async () => {
    const make = (): [Observable<HealthChange>, WeakRef<HealthTable>] => {
      const table = new HealthTable({ streams: { a: {} }, autoStart: false });
      return [table.changes$, new WeakRef(table)];
    };
    const [changes$, table] = make();
    await firstValueFrom(settled); // a WeakRef holds until the end of its turn
    collectGarbage();
    expect(table.deref()).toBeUndefined();
    expect(changes$).toBeInstanceOf(Observable);
  });

  it('gives the same changes$ to whoever asks', () => {
    const table = new HealthTable({ streams: {}, autoStart: false });
    expect(table.changes$).toBe(table.changes$);
  });
});
