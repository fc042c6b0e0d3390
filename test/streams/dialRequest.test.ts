import { map, type Observable, timer } from 'rxjs';
import { checkProtocols, checkUrl, checkUrls, dialRequest } from '../../src/streams/dialRequest.js';
import { InvalidProtocolsError, InvalidUrlError } from '../../src/streams/failure.js';
import type { DialRequest } from '../../src/streams/transport.js';
import { marbles } from '../marbles.js';

const url = 'ws://feed.test';
const later =
  <T>(ms: number, value: T) =>
  (): Observable<T> =>
    timer(ms).pipe(map(() => value));

describe('dialRequest', () => {
  it(
    'is there when every provider has yielded, with what each yielded first',
    marbles(({ cold, expectObservable }) => {
      const socket = { headers: { a: 'b' } };
      const request$ = dialRequest({
        url: later(2, url),
        protocols: () => cold('---a-b', { a: 'v1', b: 'v2' }),
        socket,
      });

      expectObservable(request$).toBe('---(r|)', { r: { url, protocols: ['v1'], options: socket } });
    }),
  );

  it(
    'asks anew at each subscription',
    marbles(({ expectObservable }) => {
      let turn = 0;
      const url$ = dialRequest({ url: () => `${url}/${(turn += 1)}` }).pipe(map((request) => request.url));

      expectObservable(url$).toBe('        (a|)', { a: `${url}/1` });
      expectObservable(url$, '--^').toBe('--(b|)', { b: `${url}/2` });
    }),
  );

  it.each<[string, Partial<DialRequest>, Parameters<typeof dialRequest>[0]]>([
    ['nothing but a url', { url, protocols: [], options: {} }, { url }],
    ['the first of a list', { url: 'ws://a' }, { url: ['ws://a', 'ws://b'] }],
    ['the one chosen', { url: 'ws://b' }, { url: ['ws://a', 'ws://b'], choose: ([, second]) => second! }],
  ])('takes %s', (_title, expected, config) => {
    let request: DialRequest | undefined;
    dialRequest(config).subscribe((made) => (request = made));

    expect(request).toMatchObject(expected);
  });

  it.each([
    [
      { url: () => '7' },
      new InvalidUrlError('url must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)'),
    ],
    [{ url, protocols: () => ['a', 'a'] }, new InvalidProtocolsError('protocols must not repeat one')],
  ])('errors where what is yielded cannot be dialled (%#)', (config, error) => {
    marbles(({ expectObservable }) => {
      expectObservable(dialRequest(config)).toBe('#', undefined, error);
    })();
  });
});

describe('checkUrl', () => {
  it.each([['relative/path'], ['ftp://x'], ['ws://x/#part'], [''], [7], [undefined], [null]])(
    'CON-05 refuses the url %p',
    (wrong) => {
      expect(() => checkUrl(wrong)).toThrow(InvalidUrlError);
    },
  );

  it('takes a URL object', () => {
    expect(checkUrl(new URL('wss://feed.test/x'))).toBe('wss://feed.test/x');
  });
});

describe('checkUrls', () => {
  it('takes one URL for a list of one', () => {
    expect([checkUrls('ws://a'), checkUrls(['ws://a', 'ws://b'])]).toStrictEqual([
      ['ws://a'],
      ['ws://a', 'ws://b'],
    ]);
  });
});

describe('checkProtocols', () => {
  it('takes one token for a list of one', () => {
    expect([checkProtocols('v1'), checkProtocols(['v1', 'v2']), checkProtocols([])]).toStrictEqual([
      ['v1'],
      ['v1', 'v2'],
      [],
    ]);
  });

  it.each([
    [['v1', 'a secret'], 1],
    ['', 0],
    [7, 0],
  ])('refuses %j without telling it', (wrong, at) => {
    expect(() => checkProtocols(wrong)).toThrow(
      new InvalidProtocolsError(`protocols must be a token or a list of tokens, got something else at ${at}`),
    );
  });
});
