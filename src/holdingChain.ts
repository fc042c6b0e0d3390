import {
  asyncScheduler,
  concatMap,
  concatWith,
  defer,
  finalize,
  from,
  ignoreElements,
  type Observable,
  of,
  Subject,
  tap,
} from 'rxjs';
import { type ChainConfig, composedChain, readItems } from './chain.js';
import { gapRules, type Item } from './feedItem.js';
import { listOf } from './listOf.js';
import type { DetectGapsConfig } from './operators/detectGaps.js';
import { fromYielded } from './operators/fromYielded.js';
import type { RecoveryHooks } from './operators/recoverGaps.js';
import type { Gap } from './operators/sequence.js';
import { refOf } from './refOf.js';
import type { Ledger, StreamLedger } from './sinks/ledger.js';

type Told = 'onGap' | 'onLate' | 'onScopeForgotten' | 'onFlushed';

/** What a chain is made of that holds values back, and who is told: all are called as methods of this. */
export interface HoldingConfig
  extends ChainConfig, Required<Pick<DetectGapsConfig<Item>, Told>>, Required<RecoveryHooks<Item>> {
  readonly name: string;
  readonly ledger: Pick<Ledger, 'receive'>;
  readonly account: StreamLedger;
  /** It has come through. */
  deliver(item: Item): void;
  /** The chain itself failed. */
  fail(error: unknown): void;
}

/** The chain of a stream with `reorder` or `recover`. What it holds back has a life of its own, so it is made of operators. */
export class HoldingChain {
  private readonly input$ = new Subject<unknown>();
  private readonly flush$ = new Subject<void>();

  constructor(private readonly chain: HoldingConfig) {
    this.input$.pipe(composedChain(chain, this.gaps())).subscribe({
      next: (item) => chain.deliver(item),
      // Every rule is asked in fillItem, so there is none; but a stream must never die in silence.
      error: (error: unknown) => chain.fail(error),
    });
  }

  take(message: unknown): void {
    this.input$.next(message);
  }

  /** Gives up all holes: what is held comes out, at once or after what is just coming out. */
  flush(): void {
    this.flush$.next();
  }

  private gaps(): DetectGapsConfig<Item> | undefined {
    const { chain } = this;
    const { sequence, topic } = chain.definition;
    if (sequence === undefined) return undefined;
    return {
      ...gapRules(sequence, topic !== undefined),
      flush$: this.flush$,
      onFlushed: () => chain.onFlushed(),
      ...(sequence.recover && { recover: (gap: Gap, behind: Item) => this.recover(gap, behind) }),
      // Asked at delivery: before that, the same key may come under another number.
      isNew: ({ key }) => chain.memory?.add(key) ?? true,
      onRecovering: (gap, behind) => chain.onRecovering(gap, behind),
      onRecovered: (gap, behind, count) => chain.onRecovered(gap, behind, count),
      onRecoveryFailed: (gap, behind, error) => chain.onRecoveryFailed(gap, behind, error),
      onDuplicate: (item) => chain.onDuplicate(item),
      // A connection that is over is forgotten as it should be.
      ...(sequence.scope !== 'connection' && {
        onScopeForgotten: (scope: unknown) => chain.onScopeForgotten(scope),
      }),
      onGap: (gap, item) => chain.onGap(gap, item),
      onLate: (item, expected) => chain.onLate(item, expected),
      onDrop: () => chain.account.settle('dropped'),
    };
  }

  /** Asks for what a hole lacks, page by page. */
  private recover(gap: Gap, behind: Item): Observable<readonly Item[]> {
    const { chain } = this;
    const { name, definition, ledger, account } = chain;
    return fromYielded(definition.sequence?.recover?.({ ...refOf(name, behind.topic), ...gap })).pipe(
      concatMap((messages) => {
        const page: Item[] = [];
        return from(listOf('recover', messages)).pipe(
          tap(() => {
            ledger.receive();
            account.route();
          }),
          readItems(chain, { generation: behind.generation, at: asyncScheduler.now() }),
          tap((item) => page.push(item)),
          ignoreElements(),
          concatWith(defer(() => of(page.splice(0)))),
          // Who is told of a rejected one may end the recovery in the middle of a page.
          finalize(() => {
            page.forEach(() => account.settle('dropped'));
          }),
        );
      }),
    );
  }
}
