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
export function createEndpoints(): Endpoints {
  let next = 0;
  let count = 0;
  let isInUse = false;
  let isOut = false;
  /** Choices in a row that failed for good. */
  let outs = 0;

  return {
    choose(urls) {
      count = urls.length;
      if (next >= count) next = 0; // the list may be shorter than the last one
      const url = urls[next];
      if (url === undefined) throw new RangeError('endpoints: there must be at least one URL, got none');
      isInUse = true;
      return url;
    },
    failed(wasStable) {
      if (!isInUse) return;
      isInUse = false;
      outs = isOut ? outs + 1 : 0;
      isOut = false;
      next = wasStable && next > 0 ? 0 : next + 1;
    },
    ruleOut() {
      if (!isInUse) return true;
      isOut = outs + 1 < count;
      if (!isOut) outs = 0; // who starts again begins a new turn
      return !isOut;
    },
    prefer() {
      isInUse = false;
      next = 0;
    },
  };
}
