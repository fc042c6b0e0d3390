import { createHealthEntry, type HealthEntry, type StreamHealthConfig } from './healthEntry.js';

/**
 * The topics of a stream that are watched. When each had its last value stands in one list, side by side: with thousands of
 * topics the entries lie far apart in memory, and a value is not to fetch one of them.
 */
export class WatchedTopics {
  private readonly byName = new Map<string, TopicEntry>();
  /** By place. */
  private readonly entries: (TopicEntry | undefined)[] = [];
  /** By place: when its last value came; NaN where that is for the entry to know. */
  private readonly times: number[] = [];
  /** Places that nobody has any more, of those given out here. */
  private readonly free: number[] = [];

  /** @param givesPlaces Without, each topic comes with a place, which nobody else has until it is deleted. */
  constructor(
    private readonly stream: string,
    private readonly config: StreamHealthConfig,
    private readonly givesPlaces = true,
  ) {}

  get(topic: string): HealthEntry | undefined {
    return this.byName.get(topic);
  }

  values(): Iterable<HealthEntry> {
    return this.byName.values();
  }

  /** The topic's place: its own until it is deleted. */
  placeOf(topic: string): number | undefined {
    return this.byName.get(topic)?.place;
  }

  add(topic: string, place = this.free.pop() ?? this.times.length): HealthEntry {
    this.times[place] = -Infinity;
    const entry = new TopicEntry(createHealthEntry(this.stream, topic, this.config), this.times, place);
    this.entries[place] = entry;
    this.byName.set(topic, entry);
    return entry;
  }

  /** Whatever is to be done with its entry has been done. */
  delete(topic: string): void {
    const entry = this.byName.get(topic);
    if (entry === undefined) return;
    this.byName.delete(topic);
    this.entries[entry.place] = undefined;
    if (this.givesPlaces) this.free.push(entry.place);
  }

  /** Notes a value; yields the entry if that is not healthy, and so not done with it. */
  note(place: number, at: number): HealthEntry | undefined {
    const { times } = this;
    const lastAt = times[place] as number;
    if (at > lastAt) times[place] = at;
    else if (Number.isNaN(lastAt)) return this.entries[place];
    return undefined;
  }

  at(place: number): HealthEntry | undefined {
    return this.entries[place];
  }
}

/** What is known of a topic, beside when its last value came, which stands in the list; but while it is not healthy, here. */
class TopicEntry implements HealthEntry {
  readonly stream: string;
  readonly topic: string | undefined;
  readonly config: StreamHealthConfig;
  readonly staleAfterMs: number;
  readonly topics = undefined;
  watched: boolean;
  since: number;
  putOffMs: number;
  smallestLag: HealthEntry['smallestLag'];
  lagMs: number;
  dueAt: number;
  slot: number;
  private isHealthy = true;
  private lastBefore = -Infinity;

  constructor(
    {
      stream,
      topic,
      config,
      staleAfterMs,
      watched,
      since,
      putOffMs,
      smallestLag,
      lagMs,
      dueAt,
      slot,
    }: HealthEntry,
    private readonly times: number[],
    readonly place: number,
  ) {
    this.stream = stream;
    this.topic = topic;
    this.config = config;
    this.staleAfterMs = staleAfterMs;
    this.watched = watched;
    this.since = since;
    this.putOffMs = putOffMs;
    this.smallestLag = smallestLag;
    this.lagMs = lagMs;
    this.dueAt = dueAt;
    this.slot = slot;
  }

  get healthy(): boolean {
    return this.isHealthy;
  }

  set healthy(healthy: boolean) {
    const { lastAt } = this;
    this.isHealthy = healthy;
    this.lastAt = lastAt;
  }

  get lastAt(): number {
    return this.isHealthy ? (this.times[this.place] as number) : this.lastBefore;
  }

  set lastAt(at: number) {
    this.lastBefore = at;
    this.times[this.place] = this.isHealthy ? at : NaN;
  }
}
