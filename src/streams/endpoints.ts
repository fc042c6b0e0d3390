/** Which of several URLs to dial next: the next after each failure, the preferred (first) one again after a recovery. */
export interface Endpoints {
  /**
   * The URL for this attempt, of those the provider yielded; they are known by their place, for a token may change.
   *
   * @throws {RangeError} If there are none.
   */
  choose(urls: readonly string[]): string;
  /**
   * The connection made with the last choice failed; `wasStable`: it had stayed up for `stableMs`. Without a choice since
   * the last failure, or since `prefer()`, it means nothing: a provider that fails is no fault of an endpoint.
   */
  failed(wasStable: boolean): void;
  /**
   * The last choice failed for good, which `failed` is told too if there is a next one to try. `true` if there is none:
   * each in turn has failed so, with nothing between. A provider that fails leaves none to try.
   */
  ruleOut(): boolean;
  /** The next choice is the preferred one (a rotation, or a wanted reconnect after recovery). */
  prefer(): void;
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
  private next = 0;
  private count = 0;
  private isInUse = false;
  private isOut = false;
  /** Choices in a row that failed for good. */
  private outs = 0;

  choose(urls: readonly string[]): string {
    this.count = urls.length;
    if (this.next >= this.count) this.next = 0; // the list may be shorter than the last one
    const url = urls[this.next];
    if (url === undefined) throw new RangeError('endpoints: there must be at least one URL, got none');
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
    this.isOut = this.outs + 1 < this.count;
    if (!this.isOut) this.outs = 0; // who starts again begins a new turn
    return !this.isOut;
  }

  prefer(): void {
    this.isInUse = false;
    this.next = 0;
  }
}
