import { filter, identity, map, type OperatorFunction, pipe, tap } from 'rxjs';
import type { GenericSchema } from 'valibot';
import type { StreamConfig } from './feedConfig.js';
import { type Arrival, type Blank, describeItem, fillItem, type Item } from './feedItem.js';
import { misfit } from './operators/compileSchema.js';
import { dedupeBy } from './operators/dedupeBy.js';
import { detectGaps, type DetectGapsConfig } from './operators/detectGaps.js';
import type { GapWatch, SequencePlace } from './operators/gapWatch.js';
import { parseAs, type ParseAsConfig, Parser } from './operators/parseAs.js';
import type { SeenKeys } from './operators/seenKeys.js';
import type { Rejected, RejectReason } from './streams/events.js';

/** What a rejection tells beside its reason; what came in no frame says so itself. */
export type Why = Partial<Pick<Rejected, 'stream' | 'issues' | 'cause' | 'raw' | 'generation'>>;

/** What one stream's chain is made of, and who is told at each step: they are called as methods of this. */
export interface ChainConfig {
  readonly definition: StreamConfig<GenericSchema>;
  /** How the message being worked on came. */
  readonly arrival: Arrival;
  /** Which keys were delivered; absent without a `key`. */
  readonly memory: SeenKeys | undefined;
  refuse(reason: RejectReason, why: Why): void;
  /** It came by the connection, fits the schema, and has these properties. */
  onRead(item: Item): void;
  /** Its key was delivered before. */
  onDuplicate(item: Item): void;
  /** It is valid and new. Told at arrival: what is held behind a hole is fresh all the same. */
  onFresh(item: Item): void;
}

/** What a chain is made of that holds nothing back. */
export interface StraightConfig extends ChainConfig {
  /** Watches the numbering; absent without a `sequence`. */
  readonly watch: GapWatch<Item> | undefined;
  /** What a message is described in on its way. */
  readonly item: Blank;
  /** Its messages are made by `JSON.parse`, and nobody else's. */
  readonly isOwn: boolean;
  /** The place of the item's topic, while that is open; its sequence is there too, if it was taken out of `watch`. */
  placeFor(item: Item): SequencePlace | undefined;
  /** It has come through. */
  deliver(item: Item): void;
}

export const sequenceOf = ({ sequence }: Item): number => sequence;

const parsing = (chain: Pick<ChainConfig, 'refuse'>, origin: Why | undefined): Required<ParseAsConfig> => ({
  onReject: (_message, issues) => chain.refuse('schema', { issues, ...origin }),
  onError: (_message, cause) => chain.refuse('schema', { cause, ...origin }),
});

/** Messages to items; those recovered belong to the connection of the value they are delivered before. */
export function readItems(
  chain: Pick<ChainConfig, 'definition' | 'arrival' | 'refuse'>,
  recoveredFor?: Arrival,
): OperatorFunction<unknown, Item> {
  const { definition, arrival } = chain;
  const origin = recoveredFor && { raw: '', generation: recoveredFor.generation };
  return pipe(
    parseAs(definition.schema, parsing(chain, origin)),
    map((value) =>
      describeItem(
        definition,
        value,
        recoveredFor ?? arrival,
        (reason, cause) => chain.refuse(reason, { cause, ...origin }),
        origin !== undefined,
      ),
    ),
    filter((item) => item !== undefined),
  );
}

/**
 * parse → dedupe → gaps, as the operators stand for themselves. What a rule throws is a rejected message.
 *
 * @param gaps The rules of the numbering; absent without a `sequence`.
 */
export const composedChain = (
  chain: ChainConfig,
  gaps: DetectGapsConfig<Item> | undefined,
): OperatorFunction<unknown, Item> => {
  const { memory } = chain;
  return pipe(
    readItems(chain),
    tap((item) => chain.onRead(item)),
    memory === undefined
      ? identity
      : dedupeBy(({ key }: Item) => key, { memory, onDuplicate: (item) => chain.onDuplicate(item) }),
    tap((item) => chain.onFresh(item)),
    gaps === undefined ? identity : detectGaps(sequenceOf, gaps),
  );
};

/**
 * The same as one plain method, for a stream that holds nothing back: this is the way of nearly every message, and each
 * operator on it would cost as much as all that it does here.
 *
 * There is one item for all streams of a feed, filled anew for each message: nobody may keep it. A message is not taken while
 * another is, but where a run begins inside of it: then dispatch.ts puts the item back as it was.
 */
export class StraightChain implements Required<ParseAsConfig> {
  private readonly item: Blank;
  private readonly parser: Parser<GenericSchema>;
  private readonly definition: StreamConfig<GenericSchema>;
  private readonly arrival: Arrival;
  private readonly memory: SeenKeys | undefined;
  private readonly watch: GapWatch<Item> | undefined;
  private readonly refuse = (reason: RejectReason, cause: unknown): void =>
    this.chain.refuse(reason, { cause });

  constructor(private readonly chain: StraightConfig) {
    this.definition = chain.definition;
    this.arrival = chain.arrival;
    this.item = chain.item;
    this.memory = chain.memory;
    this.watch = chain.watch;
    this.parser = new Parser(chain.definition.schema, this, chain.isOwn);
  }

  /** @param isValid It is known to fit the schema, and to be what comes out of it, so that it is not parsed again. */
  take(message: unknown, isValid: boolean): void {
    const { chain, item, parser } = this;
    const value = isValid ? message : parser.parse(message);
    if (typeof value !== 'object' && value === misfit) return;
    if (!fillItem(item, this.definition, value, this.arrival, this.refuse)) return;
    chain.onRead(item);
    if (this.memory?.add(item.key) === false) {
      chain.onDuplicate(item);
      return;
    }
    chain.onFresh(item);
    this.watch?.watch(item, chain.placeFor(item));
    chain.deliver(item);
  }

  onReject(_message: unknown, issues: NonNullable<Why['issues']>): void {
    this.chain.refuse('schema', { issues });
  }

  onError(_message: unknown, cause: unknown): void {
    this.chain.refuse('schema', { cause });
  }
}
