import { defer, forkJoin, map, type Observable, take, throwIfEmpty } from 'rxjs';
import { InvalidProtocolsError, InvalidUrlError, redactUrl } from './failure.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import { fromInput, type Input } from './input.js';
import type { DialRequest } from './transport.js';

type DialRequestConfig = Pick<FromSocketConfig, 'url' | 'choose' | 'protocols' | 'socket'>;

/** What to dial, asked for anew at each subscription. Errors where a provider does, or yields what cannot be dialled. */
export const dialRequest = (config: DialRequestConfig): Observable<DialRequest> =>
  defer(() =>
    forkJoin([firstOf('url', config.url), firstOf('protocols', config.protocols ?? [])]).pipe(
      map(([where, offered]): DialRequest => {
        const urls = checkUrls(where);
        return {
          url: config.choose === undefined ? (urls[0] ?? '') : config.choose(urls),
          protocols: checkProtocols(offered),
          options: config.socket ?? {},
        };
      }),
    ),
  );

/** What a provider yields first; one that yields nothing is an error. */
const firstOf = <T>(option: string, input: Input<T>): Observable<T> =>
  fromInput(input).pipe(
    take(1),
    throwIfEmpty(() => new TypeError(`${option} must yield a value, but its provider completed without one`)),
  );

/** @throws {InvalidUrlError} If one of them is no absolute ws, wss, http or https URL without a fragment, or there is none. */
export function checkUrls(url: unknown, name = 'url'): readonly string[] {
  if (!Array.isArray(url)) return [checkUrl(url, name)];
  if (url.length === 0) throw new InvalidUrlError(`${name} must name at least one URL, got an empty list`);
  return Array.from(url, (each: unknown, index) => checkUrl(each, `${name}[${index}]`));
}

/** @throws {InvalidUrlError} If it is no absolute ws, wss, http or https URL without a fragment. */
export function checkUrl(url: unknown, name = 'url'): string {
  const text = url instanceof URL ? url.href : url;
  if (typeof text !== 'string') {
    throw new InvalidUrlError(`${name} must be a string or a URL, got ${typeof text}`);
  }
  const scheme = URL.canParse(text) ? new URL(text).protocol : 'none';
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(scheme) || text.includes('#')) {
    throw new InvalidUrlError(
      `${name} must be an absolute ws or wss URL without a fragment, got ${redactUrl(text)}`,
    );
  }
  return text;
}

/** Of RFC 9110. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * RFC 6455 section 4.1: a subprotocol is a token, and none is offered twice.
 *
 * @throws {InvalidProtocolsError} If one is no token, or is there twice.
 */
export function checkProtocols(protocols: unknown, name = 'protocols'): readonly string[] {
  const list: readonly unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  for (const [index, protocol] of list.entries()) {
    if (typeof protocol !== 'string' || !TOKEN.test(protocol)) {
      // Not the value: servers take tokens of the other kind in this place.
      throw new InvalidProtocolsError(
        `${name} must be a token or a list of tokens, got something else at ${index}`,
      );
    }
  }
  if (new Set(list).size !== list.length) throw new InvalidProtocolsError(`${name} must not repeat one`);
  return list as readonly string[];
}
