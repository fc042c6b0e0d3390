import fc from 'fast-check';
import { interval, take } from 'rxjs';
import { createEndpoints, type Endpoints } from '../../src/streams/endpoints.js';
import { HostPausedError } from '../../src/streams/failure.js';
import { marbles } from '../marbles.js';

const urls = ['a', 'b', 'c'];

describe('createEndpoints', () => {
  it('begins with the preferred one, and stays with it while it does not fail', () => {
    const endpoints = createEndpoints();

    expect([endpoints.choose(urls), endpoints.choose(urls)]).toStrictEqual(['a', 'a']);
  });

  it('goes on to the next after each failure, and round', () => {
    const endpoints = createEndpoints();
    const chosen = Array.from({ length: 7 }, () => {
      const url = endpoints.choose(urls);
      endpoints.failed(false);
      return url;
    });

    expect(chosen.join('')).toBe('abcabca');
  });

  it.each([
    ['the preferred one was stable: the next is tried', [true], 'b'],
    ['another was stable: the preferred one is tried again', [false, true], 'a'],
    ['another was not: the one after it is tried', [false, false], 'c'],
    ['the last was stable: the preferred one', [false, false, true], 'a'],
  ])('after a failure where %s', (_title, failures, expected) => {
    const endpoints = createEndpoints();
    for (const wasStable of failures) {
      endpoints.choose(urls);
      endpoints.failed(wasStable);
    }

    expect(endpoints.choose(urls)).toBe(expected);
  });

  it('prefers the first when asked to, whatever comes late of the choice before', () => {
    const endpoints = createEndpoints();
    endpoints.choose(urls);
    endpoints.failed(false);
    endpoints.choose(urls);
    endpoints.prefer();
    endpoints.failed(false);

    expect(endpoints.choose(urls)).toBe('a');
  });

  it('holds no failure of a provider against an endpoint that was not tried', () => {
    const endpoints = createEndpoints();
    endpoints.failed(false);
    const first = endpoints.choose(urls);
    endpoints.failed(false);
    endpoints.failed(false);

    expect([first, endpoints.choose(urls)]).toStrictEqual(['a', 'b']);
  });

  it('stays with the only one', () => {
    const endpoints = createEndpoints();
    endpoints.choose(['a']);
    endpoints.failed(false);

    expect(endpoints.choose(['a'])).toBe('a');
  });

  it('refuses an empty list', () => {
    expect(() => createEndpoints().choose([])).toThrow(
      new RangeError('endpoints: there must be at least one URL, got none'),
    );
  });

  describe('of which some can never work', () => {
    /** `x`: failed for good, `f`: failed, `s`: failed after it was stable. Yields whether the last `x` left none to try. */
    const hasNone = (failures: string): boolean => {
      const endpoints = createEndpoints();
      let none = false;
      for (const failure of failures) {
        endpoints.choose(urls);
        none = failure === 'x' && endpoints.ruleOut();
        if (!none) endpoints.failed(failure === 's');
      }
      return none;
    };

    it.each([
      ['x', false],
      ['xx', false],
      ['xxx', true],
      ['fxxx', true],
      ['xfxfxfxf', false],
      ['xxfxx', false],
      ['xxsxx', false],
      ['xxsxxx', true],
      ['xxxx', false], // started again
      ['xxxxxx', true],
    ])('after %s: none is left is %j', (failures, expected) => {
      expect(hasNone(failures)).toBe(expected);
    });

    it('has none to try where a provider fails, and loses its place by that no more', () => {
      const endpoints = createEndpoints();
      expect(endpoints.ruleOut()).toBe(true);

      endpoints.choose(urls);
      endpoints.failed(false);
      expect(endpoints.ruleOut()).toBe(true);
      expect(endpoints.choose(urls)).toBe('b');
    });
  });

  it('goes by place where a token changes, and begins again where the list has become shorter', () => {
    const endpoints = createEndpoints();
    endpoints.choose(['a?1', 'b?1', 'c?1']);
    endpoints.failed(false);
    const second = endpoints.choose(['a?2', 'b?2', 'c?2']);
    endpoints.failed(false);

    expect([second, endpoints.choose(['a?3', 'b?3'])]).toStrictEqual(['b?2', 'a?3']);
  });

  describe('of which some ask not to be dialled', () => {
    const hosts = ['wss://a', 'wss://b', 'wss://c'];
    /** Chooses once for each, which fails with a floor of so many ms. */
    const failing = (...floors: readonly number[]): Endpoints => {
      const endpoints = createEndpoints();
      for (const ms of floors) {
        endpoints.choose(hosts);
        if (ms > 0) endpoints.raiseFloor(ms, ms, false);
        endpoints.failed(false);
      }
      return endpoints;
    };

    it.each([
      ['leaves out one that asked', [10, 0, 0], 'wss://b', undefined],
      ['has no floor while one is left', [10, 10], 'wss://c', undefined],
      ['goes to the one that is over first', [30, 10, 20], 'wss://b', 10],
      ['goes to the next where they are over together', [10, 10, 10], 'wss://a', 10],
    ])('%s', (_title, floors, expected, cause) => {
      marbles(() => {
        const endpoints = failing(...floors);
        expect(endpoints.floor()?.cause).toBe(cause);
        expect(endpoints.choose(hosts)).toBe(expected);
      })();
    });

    it(
      'goes to each again when its floor is over',
      marbles(({ flush }) => {
        const endpoints = failing(30, 10, 20);
        const chosen: string[] = [];
        interval(10)
          .pipe(take(3))
          .subscribe(() => {
            chosen.push(endpoints.choose(hosts));
            endpoints.failed(false);
          });
        flush();

        expect(chosen).toStrictEqual(['wss://b', 'wss://c', 'wss://a']);
      }),
    );

    it(
      'ends the floor of the one that lets us in, and of no other',
      marbles(() => {
        const endpoints = failing(30, 10, 20);
        endpoints.choose(hosts);
        endpoints.onReady();
        expect(endpoints.floor()).toBeUndefined();

        endpoints.raiseFloor(5, 'up', true);
        expect(endpoints.floor()?.cause).toBe('up');
      }),
    );

    it(
      'takes one that comes of no choice for all, until one lets us in',
      marbles(() => {
        const endpoints = failing(0);
        endpoints.raiseFloor(10, 'provider', false);
        expect(endpoints.floor()?.cause).toBe('provider');
        expect(endpoints.choose(hosts)).toBe('wss://b');

        endpoints.onReady();
        expect(endpoints.floor()).toBeUndefined();
      }),
    );

    it('refuses one that has a floor, if a dial is to heed them, and stays with what is next', () => {
      marbles(() => {
        const endpoints = failing(10);
        endpoints.begin(true);
        expect(() => endpoints.choose(['wss://a'])).toThrow(new HostPausedError(10, { cause: 10 }));
        endpoints.failed(false);
        expect(endpoints.choose(hosts)).toBe('wss://b');
        endpoints.begin(false);
        expect(endpoints.choose(['wss://a'])).toBe('wss://a');
      })();
    });

    it(
      'holds what fails as a dial begins against no endpoint',
      marbles(() => {
        const endpoints = createEndpoints();
        endpoints.choose(hosts);
        endpoints.begin(true);
        endpoints.failed(false);
        endpoints.raiseFloor(10, 'provider', false);

        expect(endpoints.floor()?.cause).toBe('provider');
      }),
    );

    it(
      'does not count one that was left out as one that can never work',
      marbles(() => {
        const endpoints = failing(10);
        const ruledOut = [1, 2, 3, 4].map(() => {
          endpoints.choose(hosts);
          const isLast = endpoints.ruleOut();
          endpoints.failed(false);
          return isLast;
        });

        expect(ruledOut).toStrictEqual([false, false, false, false]);
      }),
    );
  });

  it('always chooses one of those it is given, whatever happened', () => {
    const steps = fc.array(
      fc.oneof(
        fc.constantFrom('prefer', 'stable', 'failed', 'out', 'floor', 'up', 'ready'),
        fc.array(fc.webUrl(), { minLength: 1 }),
      ),
    );
    fc.assert(
      fc.property(steps, (run) => {
        const endpoints = createEndpoints();
        for (const step of run) {
          if (typeof step !== 'string') expect(step).toContain(endpoints.choose(step));
          else if (step === 'prefer') endpoints.prefer();
          else if (step === 'out') endpoints.ruleOut();
          else if (step === 'ready') endpoints.onReady();
          else if (step === 'floor' || step === 'up') endpoints.raiseFloor(1_000, step, step === 'up');
          else endpoints.failed(step === 'stable');
        }
      }),
    );
  });
});
