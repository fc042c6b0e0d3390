import { HostPausedError } from './failure.js';
import { createFloors, type Floor, type Floors } from './floors.js';
import { leftMs } from '../operators/leftMs.js';

/**
 * Which of several URLs to dial next: the next after each failure, the preferred (first) one again after a recovery. One whose
 * server asked to wait is left out meanwhile.
 */
export interface Endpoints {
  /**
   * A dial begins, whose choice will heed the floors or, as the user wants it now, will not. Until then what fails is no fault of an
   * endpoint.
   */
  begin(heedsFloors: boolean): void;
  /**
   * The URL for this attempt, of those the provider yielded; they are known by their place, for a token may change. Where all
   * have a floor, it is the one whose floor is over first.
   *
   * @throws {RangeError} If there are none.
   * @throws {HostPausedError} If floors are to be heeded and it has one: the list has become another since they were waited for.
   */
  choose(urls: readonly string[]): string;
  /**
   * The connection made with the last choice failed; `wasStable`: it had stayed up for `stableMs`. Without a choice since
   * the last failure, or since `prefer()`, it means nothing: a provider that fails is no fault of an endpoint.
   */
  failed(wasStable: boolean): void;
  /**
   * The last choice failed for good, which `failed` is told too. `true` if there is no next one to try:
   * each in turn has failed so, with nothing between. A provider that fails leaves none to try.
   */
  ruleOut(): boolean;
  /** The next choice is the preferred one (a rotation, or a wanted reconnect after recovery). */
  prefer(): void;
  /** The last choice has let us in: its floor is over. */
  onReady(): void;
  /**
   * The server that a failure came from is not to be dialled for so long: that of the connection if it `wasUp`, else that of the
   * last choice. Where nothing was chosen it was the provider, and holds for all.
   */
  raiseFloor(ms: number, cause: unknown, wasUp: boolean): void;
  /** Of the floors of the URLs yielded last the one that is over first; `undefined` if one of them may be dialled. */
  floor(): Floor | undefined;
}

/**
 * Remembers the endpoint in use. After a failure the next in the list is tried, the first again after the last; one
 * that is not the preferred one, yet was stable, gives way to the preferred one when it fails.
 *
 *     failed   a  b  c  a  b (stable)  a ...    the first is down, the second comes up
 */
export const createEndpoints = (): Endpoints => new EndpointInUse();

/** A class, since every idle connection keeps one: closures of its own took four times the memory. */
class EndpointInUse implements Endpoints {
  /** Yielded last. */
  private urls: readonly string[] = [];
  private next = 0;
  private isInUse = false;
  private heedsFloors = false;
  /** The URL of the connection that is up, or was last. */
  private leader: string | undefined = undefined;
  private isOut = false;
  /** Choices in a row that failed for good. */
  private outs = 0;
  /** Made for the first. */
  private floors: Floors | undefined = undefined;

  begin(heedsFloors: boolean): void {
    this.isInUse = false;
    this.heedsFloors = heedsFloors;
  }

  choose(urls: readonly string[]): string {
    this.urls = urls;
    if (this.next >= urls.length) this.next = 0; // the list may be shorter than the last one
    const place = this.soonest();
    if (place !== this.next) this.outs = 0; // one that was left out may work
    this.next = place;
    const url = urls[place];
    if (url === undefined) throw new RangeError('endpoints: there must be at least one URL, got none');
    const floor = this.heedsFloors ? this.floors?.of(url) : undefined;
    if (floor !== undefined) throw new HostPausedError(leftMs(floor), { cause: floor.cause });
    this.isInUse = true;
    return url;
  }

  failed(wasStable: boolean): void {
    if (!this.isInUse) return;
    this.isInUse = false;
    this.outs = this.isOut ? this.outs + 1 : 0;
    this.isOut = false;
    this.next = wasStable && this.next > 0 ? 0 : this.next + 1;
  }

  ruleOut(): boolean {
    if (!this.isInUse) return true;
    this.isOut = this.outs + 1 < this.urls.length;
    if (!this.isOut) this.outs = 0; // who starts again begins a new turn
    return !this.isOut;
  }

  prefer(): void {
    this.isInUse = false;
    this.next = 0;
  }

  onReady(): void {
    this.leader = this.urls[this.next];
    if (this.leader !== undefined) this.floors?.end(this.leader);
  }

  raiseFloor(ms: number, cause: unknown, wasUp: boolean): void {
    const chosen = this.isInUse ? this.urls[this.next] : undefined;
    this.floors ??= createFloors();
    this.floors.raise(wasUp ? this.leader : chosen, ms, cause);
  }

  floor(): Floor | undefined {
    return this.floors?.of(this.urls[this.soonest()]);
  }

  /** The place of the first, from the next one on, that may be dialled; else of the one that may be soonest. */
  private soonest(): number {
    const { urls, next, floors } = this;
    if (floors === undefined) return next;
    const places = urls.map((_url, step) => (next + step) % urls.length);
    const waits = places.map((place) => leftMs(floors.of(urls[place])));
    return places[waits.indexOf(Math.min(...waits))] ?? next;
  }
}
