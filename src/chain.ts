import { filter, identity, map, type OperatorFunction, pipe, tap } from 'rxjs';
import type { GenericSchema } from 'valibot';
import type { StreamConfig } from './feedConfig.js';
import { type Arrival, blankItem, describeItem, fillItem, type Item } from './feedItem.js';
import { misfit } from './operators/compileSchema.js';
import { dedupeBy } from './operators/dedupeBy.js';
import { detectGaps, type DetectGapsConfig, type GapWatch, type Sequence } from './operators/detectGaps.js';
import { parseAs, type ParseAsConfig, parserOf } from './operators/parseAs.js';
import type { SeenKeys } from './operators/seenKeys.js';
import type { Rejected, RejectReason } from './streams/events.js';

/** What a rejection tells beside its reason; what came in no frame says so itself. */
export type Why = Partial<Pick<Rejected, 'stream' | 'issues' | 'cause' | 'raw' | 'generation'>>;

/** What one stream's chain is made of, and who is told at each step. */
export interface ChainConfig {
  readonly definition: StreamConfig<GenericSchema>;
  /** How the message being worked on came. */
  readonly arrival: Arrival;
  /** Which keys were delivered; absent without a `key`. */
  readonly memory: SeenKeys | undefined;
  /** The rules of the numbering; absent without a `sequence`. */
  readonly gaps: DetectGapsConfig<Item> | undefined;
  readonly refuse: (reason: RejectReason, why: Why) => void;
  /** It came by the connection, fits the schema, and has these properties. */
  readonly onRead: ((item: Item) => void) | undefined;
  /** Its key was delivered before. */
  readonly onDuplicate: (item: Item) => void;
  /** It is valid and new. Told at arrival: what is held behind a hole is fresh all the same. */
  readonly onFresh: (item: Item) => void;
}

export const sequenceOf = ({ sequence }: Item): number => sequence;

const parsing = (refuse: ChainConfig['refuse'], origin: Why | undefined): Required<ParseAsConfig> => ({
  onReject: (_message, issues) => refuse('schema', { issues, ...origin }),
  onError: (_message, cause) => refuse('schema', { cause, ...origin }),
});

/** Messages to items; those recovered belong to the connection of the value they are delivered before. */
export function readItems(
  { definition, arrival, refuse }: Pick<ChainConfig, 'definition' | 'arrival' | 'refuse'>,
  recoveredFor?: Arrival,
): OperatorFunction<unknown, Item> {
  const origin = recoveredFor && { raw: '', generation: recoveredFor.generation };
  return pipe(
    parseAs(definition.schema, parsing(refuse, origin)),
    map((value) =>
      describeItem(
        definition,
        value,
        recoveredFor ?? arrival,
        (reason, cause) => refuse(reason, { cause, ...origin }),
        origin !== undefined,
      ),
    ),
    filter((item) => item !== undefined),
  );
}

/** parse → dedupe → gaps, as the operators stand for themselves. What a rule throws is a rejected message. */
export const composedChain = (config: ChainConfig): OperatorFunction<unknown, Item> => {
  const { memory, gaps, onRead, onDuplicate, onFresh } = config;
  return pipe(
    readItems(config),
    onRead === undefined ? identity : tap(onRead),
    memory === undefined ? identity : dedupeBy(({ key }: Item) => key, { memory, onDuplicate }),
    tap(onFresh),
    gaps === undefined ? identity : detectGaps(sequenceOf, gaps),
  );
};

/**
 * The same as one plain function, for a stream that holds nothing back: this is the way of nearly every message, and each
 * operator on it would cost as much as all that it does here.
 *
 * There is one item, filled anew for each message: nobody may keep it. A message is never taken while another is.
 *
 * @param gaps Watches the numbering; absent without a `sequence`.
 * @param takenFor The sequence of an item, if it was taken out of `gaps`.
 * @param onValue Told of each item that comes through, before the call returns.
 * @returns Takes a message; one that is known to fit the schema, and to be what comes out of it, is not parsed again.
 */
export function straightChain(
  { definition, arrival, memory, refuse, onRead, onDuplicate, onFresh }: Omit<ChainConfig, 'gaps'>,
  gaps: GapWatch<Item> | undefined,
  takenFor: (item: Item) => Sequence | undefined,
  onValue: (item: Item) => void,
): (message: unknown, isValid: boolean) => void {
  const parse = parserOf(definition.schema, parsing(refuse, undefined));
  const refuseFor = (reason: RejectReason, cause: unknown): void => refuse(reason, { cause });
  const item = blankItem();
  return (message, isValid) => {
    const value = isValid ? message : parse(message);
    if (value === misfit) return;
    if (!fillItem(item, definition, value, arrival, refuseFor)) return;
    onRead?.(item);
    if (memory?.add(item.key) === false) {
      onDuplicate(item);
      return;
    }
    onFresh(item);
    gaps?.watch(item, takenFor(item));
    onValue(item);
  };
}
