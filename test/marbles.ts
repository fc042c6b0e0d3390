import { type RunHelpers, TestScheduler } from 'rxjs/testing';

/** A test body run in virtual time; expectations compare strictly, an error's class included. */
export const marbles = (body: (helpers: RunHelpers) => void) => (): void => {
  new TestScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  }).run(body);
};
