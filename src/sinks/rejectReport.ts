import type { Observable } from 'rxjs';
import type { FeedEvent, Rejected } from '../streams/events.js';
import { Multicast } from './multicast.js';
import { checkTripwire, createTripwire, type Tripwire, type TripwireConfig } from './tripwire.js';

export interface RejectConfig {
  /** The limits of what is rejected before it gets to any stream, and of each stream that names none. */
  readonly rejects?: TripwireConfig;
  readonly streams: Readonly<Record<string, { readonly rejects?: TripwireConfig }>>;
}

/** Who is told, and asked. */
export interface RejectHooks {
  tell(event: FeedEvent): void;
  /** Once `first` has run, and before whatever comes of that. */
  tellAfter(first: () => void, event: FeedEvent): void;
  /** What every event says: the connection in charge, and the time. */
  now(): Pick<Rejected, 'generation' | 'at'>;
  readonly ledger: {
    /** A stream's count of the messages that were routed to it. */
    stream(name: string): { readonly received: number };
  };
}

/** Tells of each message that could not be used, and of when there are too many. */
export class RejectReport {
  private readonly all = new Multicast<Rejected>();
  readonly rejected$: Observable<Rejected> = this.all.values$;
  /** The messages looked at: those that wait in line, or behind others in their frame, are not among them. */
  private looks = 0;
  private resets = 0;
  /** One for each stream, and one for what is rejected before it gets to any: made, as the map is, for the first reject. */
  private tripwires: Map<string | undefined, Tripwire> | undefined = undefined;

  /** @throws {RangeError} If a limit is out of its range. */
  constructor(
    private readonly config: RejectConfig,
    private readonly hooks: RejectHooks,
  ) {
    checkTripwire(config.rejects);
    for (const { rejects } of Object.values(config.streams)) checkTripwire(rejects);
  }

  /** A message is looked at, which may be rejected. */
  look(): void {
    this.looks += 1;
  }

  /** One was. */
  reject(rejected: Rejected): void {
    const { generation, at, stream } = rejected;
    const { resets } = this;
    const event = { type: 'rejected', rejected, generation, at } as const;
    this.hooks.tellAfter(() => this.all.next(rejected), event);
    // Whoever was told may have ended it all.
    if (resets === this.resets) this.tripwireOf(stream).reject();
  }

  /** Forgets how many there were, and leaves no timer. */
  reset(): void {
    this.resets += 1;
    for (const tripwire of this.tripwires?.values() ?? []) tripwire.reset();
  }

  private tripwireOf(stream: string | undefined): Tripwire {
    const tripwires = (this.tripwires ??= new Map<string | undefined, Tripwire>());
    const known = tripwires.get(stream);
    if (known !== undefined) return known;
    const { config, hooks } = this;
    const page = stream === undefined ? undefined : hooks.ledger.stream(stream);
    const tripwire = createTripwire(
      (stream === undefined ? undefined : config.streams[stream]?.rejects) ?? config.rejects,
      () => page?.received ?? this.looks,
      (poison) => hooks.tell({ ...poison, ...(stream !== undefined && { stream }), ...hooks.now() }),
    );
    tripwires.set(stream, tripwire);
    return tripwire;
  }
}
