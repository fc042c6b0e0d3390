import { config, noop, timer } from 'rxjs';
import { createLiveDials, type LiveDial } from '../../src/streams/liveDials.js';
import { marbles } from '../marbles.js';

const dial = (drop: (error: unknown) => void): LiveDial => ({
  drop,
  stopIntake: noop,
  refused: noop,
  resumed: noop,
});

const rig = () => {
  const dials = createLiveDials();
  const log: string[] = [];
  const named = (name: string, act = noop): LiveDial =>
    dial((error) => {
      log.push(`${name} ${String(error)}`);
      act();
    });
  const drop = (error: string): void => dials.tell((each) => each.drop(error));
  return { dials, log, named, drop };
};

describe('createLiveDials', () => {
  it('tells whoever lives, in the order in which they came, and nobody who has ended', () => {
    const { dials, log, named, drop } = rig();
    const first = named('first');
    const second = named('second', () => log.length === 4 && dials.delete(second));
    dials.add(first);
    dials.add(second);
    drop('a');
    dials.delete(first);
    drop('b');
    drop('c');

    expect(log).toStrictEqual(['first a', 'second a', 'second b', 'second c']);
    drop('d');
    expect(log).toHaveLength(4);
  });

  it('tells who comes from within from the next time on', () => {
    const { dials, log, named, drop } = rig();
    const late = named('late');
    const first = named('first', () => {
      dials.delete(first);
      dials.add(late);
    });
    dials.add(first);
    drop('a');
    expect(log).toStrictEqual(['first a']);
    drop('b');

    expect(log).toStrictEqual(['first a', 'late b']);
  });

  it('tells nobody who is ended from within while others are told', () => {
    const { dials, log, named, drop } = rig();
    const second = named('second');
    dials.add(named('first', () => dials.delete(second)));
    dials.add(second);
    drop('a');

    expect(log).toStrictEqual(['first a']);
  });

  it(
    'reports what one throws as unhandled, and tells the others',
    marbles(({ flush }) => {
      const { dials, log, named, drop } = rig();
      const boom = new Error('boom');
      const thrown: unknown[] = [];
      config.onUnhandledError = (error) => thrown.push(error);
      dials.add(
        dial(() => {
          throw boom;
        }),
      );
      dials.add(named('second'));
      drop('a');
      timer(1).subscribe();
      flush();
      config.onUnhandledError = null;

      expect([log, thrown]).toStrictEqual([['second a'], [boom]]);
    }),
  );
});
