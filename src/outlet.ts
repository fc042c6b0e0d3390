import {
  asyncScheduler,
  concatMap,
  concatWith,
  defer,
  filter,
  finalize,
  from,
  identity,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  type OperatorFunction,
  pipe,
  Subject,
  tap,
} from 'rxjs';
import type { GenericSchema } from 'valibot';
import type { StreamConfig } from './feedConfig.js';
import { describeItem, gapRules, type Item } from './feedItem.js';
import { dedupeBy } from './operators/dedupeBy.js';
import { detectGaps } from './operators/detectGaps.js';
import { fromYielded } from './operators/fromYielded.js';
import { parseAs } from './operators/parseAs.js';
import { createSeenKeys, type SeenKeys } from './operators/seenKeys.js';
import { createFanOut, type FanOut } from './sinks/fanOut.js';
import type { HealthMonitor } from './sinks/healthMonitor.js';
import type { Ledger, StreamLedger } from './sinks/ledger.js';
import type { FeedEvent, Rejected, RejectReason, TopicRef } from './streams/events.js';

/** One stream's own chain, from a routed message to its subscribers. */
export interface Outlet {
  readonly input$: Subject<unknown>;
  readonly hub: FanOut<unknown>;
  /** Ends the stream, after what just comes out of its chain. */
  readonly complete: () => void;
  readonly account: StreamLedger;
  /** Which keys it delivered; absent without a `key`. */
  readonly memory: SeenKeys | undefined;
}

/** What a rejection tells beside its reason; what came in no frame says so itself. */
export type Why = Partial<Pick<Rejected, 'stream' | 'issues' | 'cause' | 'raw' | 'generation'>>;

export interface OutletHooks {
  readonly ledger: Pick<Ledger, 'stream' | 'receive'>;
  readonly health: Pick<HealthMonitor, 'record' | 'recordLag'>;
  readonly lingerMs: number;
  /** The first subscriber of the stream, or of a topic, has come. */
  readonly onOpen: (topic: string | undefined) => void;
  /** The last one has left. */
  readonly onClose: (topic: string | undefined) => void;
  /** The connection of the message being worked on. */
  readonly generationNow: () => number;
  /** Gives up all holes of the numbering. */
  readonly flush$: Observable<void>;
  readonly tell: (event: FeedEvent) => void;
  readonly reject: (reason: RejectReason, why: Why) => void;
  /** A position was reached that a server may be asked to resume from. */
  readonly saw: (ref: TopicRef, sequence: number) => void;
  readonly onScopeForgotten: () => void;
}

/** What a hook must yield. */
export function listOf(hook: string, list: unknown): readonly unknown[] {
  if (Array.isArray(list)) return list as unknown[];
  throw new TypeError(`${hook} must yield an array, got ${list === null ? 'null' : typeof list}`);
}

export const refOf = (stream: string, topic: string | undefined): TopicRef =>
  topic === undefined ? { stream } : { stream, topic };

/** Makes the chain of one stream: parse → dedupe → gaps → fan-out. What a rule throws is a rejected message. */
export function createOutlet(
  name: string,
  definition: StreamConfig<GenericSchema>,
  {
    ledger,
    health,
    lingerMs,
    onOpen,
    onClose,
    generationNow,
    flush$,
    tell,
    reject,
    saw,
    onScopeForgotten,
  }: OutletHooks,
): Outlet {
  const account = ledger.stream(name);
  const memory = definition.key && (definition.dedupe?.memory ?? createSeenKeys(definition.dedupe));
  const about = (item: Item): { stream: string; topic?: string; generation: number; at: number } => ({
    stream: name,
    ...(item.topic !== undefined && { topic: item.topic }),
    generation: item.generation,
    at: item.at,
  });
  /** Of what came earlier and was held. */
  const aboutNow = (item: Item) => ({ ...about(item), at: asyncScheduler.now() });
  const refuse = (reason: RejectReason, why: Why): void => {
    account.settle('rejected');
    reject(reason, { stream: name, ...why });
  };

  const input$ = new Subject<unknown>();
  /** The last value that came late: a server is not asked to resume from it. */
  let late: Item | undefined;
  const hub = createFanOut<unknown>({ replay: definition.replay ?? 0, lingerMs, onOpen, onClose });
  /** Messages to items; those recovered belong to the connection of the value they are delivered before. */
  const read = (recoveredFor?: Item): OperatorFunction<unknown, Item> => {
    const origin = recoveredFor && { raw: '', generation: recoveredFor.generation };
    const generation = (): number => origin?.generation ?? generationNow();
    return pipe(
      parseAs(definition.schema, {
        onReject: (_message, issues) => refuse('schema', { issues, ...origin }),
        onError: (_message, cause) => refuse('schema', { cause, ...origin }),
      }),
      map((value) =>
        describeItem(
          definition,
          value,
          generation(),
          (reason, cause) => refuse(reason, { cause, ...origin }),
          origin !== undefined,
        ),
      ),
      filter((item) => item !== undefined),
    );
  };
  /** What was recovered and has a known key came under another number. */
  const isNotDelivered = ({ key }: Item): boolean => {
    if (memory?.has(key) !== true) return true;
    account.settle('duplicate');
    return false;
  };
  const { recover, reorder } = definition.sequence ?? {};
  const completed$ = new Subject<void>();
  let isCompleting = false;
  const finish = (): void => {
    if (isCompleting) hub.complete();
    isCompleting = false;
  };
  const complete = (): void => {
    isCompleting = true;
    if (recover ?? reorder) completed$.next();
    else finish();
  };
  input$
    .pipe(
      read(),
      memory === undefined
        ? identity
        : dedupeBy((item: Item) => item.key, {
            memory,
            onDuplicate: (item) => {
              account.settle('duplicate');
              tell({ type: 'duplicate', ...about(item) });
            },
          }),
      // At arrival: what is held behind a hole is fresh all the same, and what is recovered says nothing of the stream.
      tap((item) => {
        health.record(name, item.at, item.topic);
        if (item.sourceTime !== undefined) health.recordLag(name, item.sourceTime, item.at, item.topic);
      }),
      definition.sequence === undefined
        ? identity
        : detectGaps((item: Item) => item.sequence, {
            ...gapRules(definition.sequence, definition.topic !== undefined),
            flush$: merge(flush$, completed$),
            onFlushed: finish,
            ...(recover && {
              recover: (gap, behind) =>
                fromYielded(recover({ ...refOf(name, behind.topic), ...gap })).pipe(
                  concatMap((messages) => {
                    const page: Item[] = [];
                    return from(listOf('recover', messages)).pipe(
                      tap(() => {
                        ledger.receive();
                        account.route();
                      }),
                      read(behind),
                      filter((item) => isNotDelivered(item)),
                      tap((item) => page.push(item)),
                      ignoreElements(),
                      concatWith(defer(() => of(page.splice(0)))),
                      // Who is told of a rejected one may end the recovery in the middle of a page.
                      finalize(() => {
                        page.forEach(() => account.settle('dropped'));
                      }),
                    );
                  }),
                ),
            }),
            onRecovering: (gap, behind) => tell({ type: 'gapRecovering', ...gap, ...aboutNow(behind) }),
            onRecovered: (gap, behind, count) =>
              tell({ type: 'gapRecovered', count, ...gap, ...aboutNow(behind) }),
            onRecoveryFailed: (gap, behind, error) =>
              tell({ type: 'gapRecoveryFailed', error, ...gap, ...aboutNow(behind) }),
            onDuplicate: (item) => {
              account.settle('duplicate');
              if (!item.isRecovered) tell({ type: 'duplicate', ...about(item) });
            },
            // A connection that is over is forgotten as it should be.
            ...(definition.sequence.scope !== 'connection' && {
              onScopeForgotten,
            }),
            onGap: (gap, item) => tell({ type: 'gap', ...gap, ...about(item) }),
            onLate: (item, expected) => {
              late = item;
              tell({ type: 'late', sequence: item.sequence, expected, ...about(item) });
            },
            onDrop: () => account.settle('dropped'),
          }),
    )
    .subscribe({
      next: (item) => {
        account.settle('delivered');
        if (item.isRecovered) memory?.add(item.key);
        if (definition.sequence !== undefined && item !== late) saw(refOf(name, item.topic), item.sequence);
        hub.next(item.value, item.topic);
      },
      // Every rule is asked in describeItem, so there is none; but a stream must never die in silence.
      error: (error: unknown) => hub.error(error),
    });

  return { input$, hub, complete, account, memory };
}
