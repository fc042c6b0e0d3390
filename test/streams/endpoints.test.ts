import fc from 'fast-check';
import { createEndpoints } from '../../src/streams/endpoints.js';

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

    expect([endpoints.choose(['a']), endpoints.count]).toStrictEqual(['a', 1]);
  });

  it('says how many there were, and refuses none', () => {
    const endpoints = createEndpoints();
    const before = endpoints.count;
    endpoints.choose(urls);

    expect([before, endpoints.count]).toStrictEqual([0, 3]);
    expect(() => endpoints.choose([])).toThrow(
      new RangeError('endpoints: there must be at least one URL, got none'),
    );
  });

  it('goes by place where a token changes, and begins again where the list has become shorter', () => {
    const endpoints = createEndpoints();
    endpoints.choose(['a?1', 'b?1', 'c?1']);
    endpoints.failed(false);
    const second = endpoints.choose(['a?2', 'b?2', 'c?2']);
    endpoints.failed(false);

    expect([second, endpoints.choose(['a?3', 'b?3'])]).toStrictEqual(['b?2', 'a?3']);
  });

  it('always chooses one of those it is given, whatever happened', () => {
    const steps = fc.array(
      fc.oneof(fc.constantFrom('prefer', 'stable', 'failed'), fc.array(fc.string(), { minLength: 1 })),
    );
    fc.assert(
      fc.property(steps, (run) => {
        const endpoints = createEndpoints();
        for (const step of run) {
          if (typeof step !== 'string') expect(step).toContain(endpoints.choose(step));
          else if (step === 'prefer') endpoints.prefer();
          else endpoints.failed(step === 'stable');
        }
      }),
    );
  });
});
