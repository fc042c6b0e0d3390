import { asyncScheduler, BehaviorSubject, type Subscriber } from 'rxjs';
import type { RetryDecision, RetryFailure } from '../operators/retryBackoff.js';
import type { ConnectionHooks } from './connectionConfig.js';
import type { ConnectionState, ConnectionStatus } from './events.js';
import type { FailureClass } from './failure.js';
import type { RecoveryHooks } from './recovery.js';
import type { OpenSession } from './session.js';

/**
 * What a connection says of itself: the state that it is in, how long a ping took, and what its failures led to. A base class and
 * no part of it, which every idle connection would keep besides.
 */
export class ReportingConnection implements RecoveryHooks {
  // eslint-disable-next-line rxjs-x/no-exposed-subjects -- the feed reads its value and shows an Observable of it
  readonly status$ = new BehaviorSubject<ConnectionStatus>({
    state: 'DISCONNECTED',
    generation: 0,
    attempt: 0,
    since: asyncScheduler.now(),
  });
  /** The dial that `status$` speaks of: the last one, but for that of a rotation that has not taken over. */
  protected generation = 0;
  protected inCharge: OpenSession | undefined = undefined;
  protected inChargeSince = 0;
  /** Of the subscriptions of `run` the last one, unless it is over: they follow each other. */
  protected running: Subscriber<never> | undefined = undefined;

  constructor(readonly hooks: ConnectionHooks) {}

  setState(state: ConnectionState, extra: Partial<ConnectionStatus> = {}): void {
    const { generation, at } = this.stamp();
    const status = { state, generation, attempt: 0, since: at, ...extra };
    this.hooks.tellAfter(() => this.status$.next(status), { type: 'state', status, generation, at });
  }

  pong(session: OpenSession, by: 'frame' | 'message' = 'message'): void {
    const latencyMs = session.heartbeat.answered(by);
    if (latencyMs === undefined) return;
    session.latencyMs = latencyMs;
    const show = (): void => {
      if (session === this.inCharge) this.status$.next({ ...this.status$.value, latencyMs });
    };
    const { generation } = session;
    this.hooks.tellAfter(show, { type: 'pong', latencyMs, generation, at: asyncScheduler.now() });
  }

  /** The last round trip says nothing any more. */
  pongOverdue(session: OpenSession, waitedMs: number): void {
    session.latencyMs = undefined;
    if (session === this.inCharge) {
      const { latencyMs, ...status } = this.status$.value;
      if (latencyMs !== undefined) this.status$.next(status);
    }
    this.hooks.tell({
      type: 'pongOverdue',
      waitedMs,
      generation: session.generation,
      at: asyncScheduler.now(),
    });
  }

  // The hooks of the recovery.

  onHookFailed(hook: string, error: unknown, generation = this.generation): void {
    this.hooks.tell({ type: 'hookFailed', hook, error, generation, at: asyncScheduler.now() });
  }

  onForgetPositions(): void {
    this.hooks.forgetPositions();
  }

  onRetry(decision: RetryDecision): void {
    const { error, attempt, delayMs } = decision;
    const { classAttempt, previousMs, jitteredMs, floorMs } = decision;
    const { running } = this;
    this.onComplete(decision);
    if (this.isOver(running) || this.isClosing()) return;
    this.hooks.tell({
      type: 'retry',
      error,
      class: decision.class as FailureClass,
      attempt,
      classAttempt,
      previousMs,
      jitteredMs,
      floorMs,
      delayMs,
      ...this.stamp(),
    });
    if (!this.isOver(running) && !this.isClosing())
      this.setState('RECONNECTING', { attempt, retryInMs: delayMs, cause: error });
  }

  onGiveUp(error: unknown, failure: RetryFailure): void {
    const { running } = this;
    this.onComplete(failure);
    this.tellGaveUp(running, error, failure.attempt);
  }

  onComplete(failure: RetryFailure): void {
    const { error, class: name } = failure;
    this.hooks.onOver();
    this.hooks.tell({
      type: 'disconnected',
      error,
      class: name as FailureClass,
      upMs: this.upMsOf(failure),
      ...this.stamp(),
    });
  }

  /** Of the session that was in charge: the failure knows how long the line was up, rotations included. */
  upMsOf({ upMs }: RetryFailure): number {
    if (upMs === undefined) return 0;
    const sinceMs = asyncScheduler.now() - this.inChargeSince;
    // Where the clock was set back, the failure knows better.
    return sinceMs < 0 ? upMs : sinceMs;
  }

  protected tellGaveUp(run: Subscriber<never> | undefined, error: unknown, attempt: number): void {
    if (this.isOver(run)) return;
    this.hooks.tell({ type: 'gaveUp', error, ...this.stamp() });
    if (!this.isOver(run) && !this.isClosing()) this.setState('CLOSED', { attempt, cause: error });
  }

  /** Whoever was told has ended this run: of its failure nothing more is to be heard. */
  protected isOver(run: Subscriber<never> | undefined): boolean {
    return run !== this.running;
  }

  /** Whoever was told closes it, which is told when it is done. */
  private isClosing(): boolean {
    return this.status$.value.state === 'CLOSING';
  }

  protected stamp(): { readonly generation: number; readonly at: number } {
    return { generation: this.generation, at: asyncScheduler.now() };
  }
}
