import { inspect } from 'node:util';
import { Subject } from 'rxjs';
import type { Session } from '../../src/streams/session.js';
import { shownSession } from '../../src/streams/shownSession.js';

/** A session that keeps a secret, and so does who listens to its messages. */
const session = () => {
  const log: unknown[] = [];
  const messages$ = new Subject<unknown>();
  messages$.subscribe({ url: 'secret', next: () => undefined } as never);
  const one = {
    url: 'secret',
    generation: 3,
    latencyMs: 7,
    messages$,
    send: (message: unknown) => void log.push(message),
    close: (...how: unknown[]) => void log.push(how),
  };
  return { one, log };
};

describe('shownSession', () => {
  it('is the same each time, and does what the session does, without its this too', () => {
    const { one, log } = session();
    const shown = shownSession(one);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- the point
    const { send, close, messages$ } = shown;
    messages$.subscribe({ next: (message) => log.push(['heard', message]), complete: () => log.push('|') });
    send('a');
    one.messages$.next('b');
    close(4000, 'bye');
    one.latencyMs = 8;
    one.messages$.complete();

    expect(log).toStrictEqual(['a', ['heard', 'b'], [4000, 'bye'], '|']);
    expect(shownSession(one)).toBe(shown);
    expect([shown.generation, shown.latencyMs]).toStrictEqual([3, 8]);
  });

  it.each<[string, (shown: Session) => unknown]>([
    ['printed', (shown) => shown],
    ['spread', (shown) => ({ ...shown })],
    ['asked for its messages', ({ messages$ }) => messages$],
  ])('shows nothing of the session when it is %s', (_how, part) => {
    const { one } = session();
    const seen = part(shownSession(one));

    expect(inspect(one, { depth: 20 })).toContain('secret');
    for (const customInspect of [true, false])
      expect(inspect(seen, { depth: 20, showHidden: true, customInspect })).not.toContain('secret');
  });

  it('is written down as its generation', () => {
    expect(JSON.stringify(shownSession(session().one))).toBe('{"generation":3}');
  });
});
