import type { ScheduledFault } from './fault.js';
import type { TelemetryReading } from './market.js';

export interface ExchangeConfig {
  /** The port on loopback; 0 takes any free one. @default 0 */
  readonly port?: number;
  /** Decides prices, sizes, sides and the order of events: same seed, same subscriptions and faults, same traffic. @default 1 */
  readonly seed?: number;
  /** @default ['BTC-USD', 'ETH-USD', 'SOL-USD'] */
  readonly symbols?: readonly string[];
  /** Mean milliseconds between two trades of a symbol; below 1 many are sent at once. @default 100 */
  readonly tickMs?: number;
  /** Milliseconds between heartbeats; `Infinity` for none. @default 1_000 */
  readonly heartbeatMs?: number;
  /** Readings to tell in order, over and over. @default synthetic ones */
  readonly telemetry?: readonly TelemetryReading[];
  /** Faults by the clock; `inject` does more. @default [] */
  readonly faults?: readonly ScheduledFault[];
  /**
   * How many messages per symbol or mote are sent again, after the ack, to a client that subscribes on a reconnect: on any
   * connection made after an earlier one ended. 0 sends none. @default 5
   */
  readonly replayOnReconnect?: number;
  /** What a client must log in with before it may subscribe to `order`. @default none needed */
  readonly token?: string;
  /** The first sequence number, trade id and order id; a restarted exchange can go on above its predecessor's. @default 1 */
  readonly firstSeq?: number;
  /** Epoch ms at which `time` begins, to go on with the seeded pace; absent: `time` is the scheduler's clock. */
  readonly startTime?: number;
}

/** The options looked at here; the others are looked at where they are used. */
type Checked = Required<
  Pick<ExchangeConfig, 'seed' | 'symbols' | 'tickMs' | 'heartbeatMs' | 'replayOnReconnect' | 'firstSeq'>
> & { readonly telemetry: readonly TelemetryReading[] | undefined };

const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws {RangeError} Naming the first option that cannot be, and its value. */
export function checkExchangeConfig(config: Checked): void {
  const { seed, symbols, telemetry, tickMs, heartbeatMs, replayOnReconnect, firstSeq } = config;
  const check = (name: keyof Checked, isGood: boolean, must: string): void => {
    const value = config[name];
    const got = typeof value === 'number' ? String(value) : JSON.stringify(value);
    if (!isGood) throw new RangeError(`startExchange: ${name} must be ${must}, got ${got}`);
  };
  const isTimer = (ms: number): boolean => ms > 0 && ms <= MAX_TIMER_MS;
  check('seed', Number.isInteger(seed), 'an integer');
  check('symbols', symbols.length > 0 && !symbols.includes(''), 'at least one name, and none empty');
  check('symbols', new Set(symbols).size === symbols.length, 'different from each other');
  check('telemetry', telemetry === undefined || telemetry.length > 0, 'at least one reading');
  check('tickMs', isTimer(tickMs), `above 0 and at most ${MAX_TIMER_MS}`);
  check(
    'heartbeatMs',
    isTimer(heartbeatMs) || heartbeatMs === Infinity,
    `above 0 and at most ${MAX_TIMER_MS}, or Infinity`,
  );
  check(
    'replayOnReconnect',
    Number.isInteger(replayOnReconnect) && replayOnReconnect >= 0,
    'an integer of 0 or more',
  );
  check('firstSeq', Number.isSafeInteger(firstSeq) && firstSeq >= 0, 'an integer of 0 or more');
}
