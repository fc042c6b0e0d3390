import { settled } from '../../src/streams/settled.js';

/** What a browser lacks; taken away for one test and put back. */
const { setImmediate: immediate } = globalThis;
const pending = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort' || kind === 'Immediate').length;

describe.each([
  ['setImmediate', immediate],
  ['MessageChannel, where there is no setImmediate', undefined],
])('settled by %s', (_name, available) => {
  beforeEach(() => Object.assign(globalThis, { setImmediate: available }));
  afterEach(() => Object.assign(globalThis, { setImmediate: immediate }));

  it('emits once and completes, on a later turn', async () => {
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      settled.subscribe({ next: () => told.push('next'), complete: resolve });
      told.push('subscribed');
      void Promise.resolve().then(() => told.push('microtask'));
    });

    expect(told).toStrictEqual(['subscribed', 'microtask', 'next']);
  });

  it('emits nothing once it is left, at once or after a while', async () => {
    const told: string[] = [];
    settled.subscribe(() => told.push('left')).unsubscribe();
    const turn = settled.subscribe(() => told.push('left later'));
    await Promise.resolve();
    turn.unsubscribe();
    await settled.forEach(() => told.push('stayed'));
    await settled.forEach(() => undefined);

    expect(told).toStrictEqual(['stayed']);
  });

  it('calls who asks by a call, but not who took that back', async () => {
    const told: string[] = [];
    settled.ask(() => told.push('taken back'))();
    const takeBack = settled.ask(() => told.push('taken back later'));
    await Promise.resolve();
    takeBack();
    await new Promise<void>((resolve) => {
      settled.ask(resolve);
    });
    await settled.forEach(() => told.push('later'));

    expect(told).toStrictEqual(['later']);
  });

  it.each<[string, () => Promise<void>]>([
    ['subscribed', () => settled.forEach(() => undefined)],
    ['asked', () => new Promise<void>((resolve) => void settled.ask(resolve))],
  ])('leaves nothing behind of who %s', async (_how, wait) => {
    settled.subscribe().unsubscribe();
    await wait();
    // A port is closed in turns of its own.
    for (let turn = 0; turn < 100 && pending() > 0; turn += 1) await new Promise((done) => immediate(done));

    expect(pending()).toBe(0);
  });
});

describe('settled by setImmediate', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('asks for the turn only when what runs now is done, as messages may wait for that', async () => {
    const spy = jest.spyOn(globalThis, 'setImmediate');
    const turn = new Promise<void>((resolve) => void settled.ask(resolve));
    settled.ask(() => undefined)();
    const before = spy.mock.calls.length;
    await turn;

    expect([before, spy.mock.calls.length]).toStrictEqual([0, 1]);
  });
});

describe('settled under fake timers', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('emits when they are advanced by the asynchronous call', async () => {
    const told: string[] = [];
    settled.subscribe(() => told.push('next'));
    await jest.advanceTimersByTimeAsync(1);

    expect(told).toStrictEqual(['next']);
  });
});

describe('settled by MessageChannel', () => {
  beforeEach(() => Object.assign(globalThis, { setImmediate: undefined }));
  afterEach(() => {
    jest.restoreAllMocks();
    Object.assign(globalThis, { setImmediate: immediate });
  });

  it('calls nobody who took it back, though what was posted to a closed port arrives', async () => {
    const told: string[] = [];
    const spy = jest.spyOn(MessagePort.prototype, 'close').mockImplementation(() => undefined);
    settled.ask(() => told.push('taken back'))();
    await settled.forEach(() => told.push('later'));
    await new Promise((done) => immediate(done));
    const left = spy.mock.contexts as { readonly close: () => void }[];
    spy.mockRestore();
    for (const port of left) port.close();
    expect([told, left.length > 0]).toStrictEqual([['later'], true]);
  });
});

describe('settled where there is neither', () => {
  const { MessageChannel: channel } = globalThis;
  beforeEach(() => Object.assign(globalThis, { setImmediate: undefined, MessageChannel: undefined }));
  afterEach(() => Object.assign(globalThis, { setImmediate: immediate, MessageChannel: channel }));

  it('errors, and throws to who asks by a call', () => {
    const errors: unknown[] = [];
    settled.subscribe({ error: (error: unknown) => errors.push(error) });

    expect(errors).toStrictEqual([expect.any(TypeError)]);
    expect(() => settled.ask(() => undefined)).toThrow(TypeError);
  });
});
