import { parseArgs } from 'node:util';

export interface WatchOptions {
  /** Absent: the simulated exchange. */
  readonly url?: string;
  /** Messages to send on every connection. */
  readonly subscribe: readonly unknown[];
  /** Where a message says what it is: a dotted path. */
  readonly route: string;
  /** Absent: until Ctrl-C. */
  readonly seconds?: number;
  readonly seed: number;
  readonly faults: boolean;
}

/** The command line makes no sense; the message says which part. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `Usage: npm start -- [url] [options]

Watches a feed of streams: its connection, the rate and the health of each stream, and what happens to them.
Without a url it starts a simulated exchange that drops, stalls, repeats and skips on a schedule.

  url                  a WebSocket server, ws:// or wss://
  --subscribe <json>   with a url: a message to send on every connection (repeatable)
  --route <field>      with a url: the field that tells what a message is, a dotted path (default: type)
  --seed <n>           without a url: same seed, same traffic (default: 1)
  --no-faults          without a url: the exchange behaves
  --seconds <n>        stop after so many seconds (default: run until Ctrl-C)
  --help               this text

Examples:
  npm start -- --seconds 20
  npm start -- wss://ws.kraken.com --route event --subscribe '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"trade"}}'
`;

/**
 * Reads the command line.
 *
 * @returns `'help'` if that was asked for.
 * @throws {UsageError} If an option is unknown, out of range or out of place.
 */
export function parseOptions(argv: readonly string[]): WatchOptions | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help === true) return 'help';
  const [url, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one url at most, got also ${more.join(' ')}`);
  const misplaced = (['subscribe', 'route'] as const).find(
    (name) => url === undefined && values[name] !== undefined,
  );
  if (misplaced !== undefined) throw new UsageError(`--${misplaced} needs a url`);
  const simulated = (['seed', 'no-faults'] as const).find(
    (name) => url !== undefined && values[name] !== undefined,
  );
  if (simulated !== undefined)
    throw new UsageError(`--${simulated} is for the simulated exchange, not for a url`);

  return {
    ...(url === undefined ? {} : { url: webSocketUrl(url) }),
    subscribe: (values.subscribe ?? []).map(json),
    route: path(values.route ?? 'type'),
    ...(values.seconds === undefined ? {} : { seconds: seconds(values.seconds) }),
    seed: seed(values.seed ?? '1'),
    faults: values['no-faults'] !== true,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        subscribe: { type: 'string', multiple: true },
        route: { type: 'string' },
        seconds: { type: 'string' },
        seed: { type: 'string' },
        'no-faults': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function webSocketUrl(text: string): string {
  // The text is not repeated: it may carry a token.
  if (!URL.canParse(text)) throw new UsageError('the url cannot be parsed');
  const { protocol } = new URL(text);
  if (protocol !== 'ws:' && protocol !== 'wss:')
    throw new UsageError(`the url must be ws:// or wss://, got ${protocol}//`);
  return text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`--subscribe must be JSON: ${(error as Error).message}`, { cause: error });
  }
}

function path(text: string): string {
  if (text.split('.').includes(''))
    throw new UsageError(`--route must be a field or a dotted path, got '${text}'`);
  return text;
}

/** A timer's longest wait, 2^31 - 1 ms, in whole seconds. */
const MAX_SECONDS = 2_147_483;

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= MAX_SECONDS) return value;
  throw new UsageError(`--seconds must be above 0 and at most ${MAX_SECONDS}, got '${text}'`);
}

function seed(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 0xffff_ffff) return value;
  throw new UsageError(`--seed must be a whole number from 0 to 4294967295, got '${text}'`);
}
