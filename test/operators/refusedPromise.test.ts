import { refusedPromise } from '../../src/operators/refusedPromise.js';

describe('refusedPromise', () => {
  it('names the hook that yielded a promise, or anything else with a then', () => {
    const error = new TypeError('route must be synchronous, got a promise');

    expect(refusedPromise('route', Promise.resolve('trade'))).toStrictEqual(error);
    expect(refusedPromise('route', { then: () => undefined })).toStrictEqual(error);
  });

  it('takes care of what it rejects with', async () => {
    const promise = Promise.reject(new Error('too late'));
    const then = jest.spyOn(promise, 'then');
    refusedPromise('codec.decode', promise);

    await expect(then.mock.results[0]?.value).resolves.toBeUndefined();
  });

  it.each([undefined, null, 'then', 1, {}, { then: 'next' }, []])('has nothing against %p', (yielded) => {
    expect(refusedPromise('route', yielded)).toBeUndefined();
  });
});
