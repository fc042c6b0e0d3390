import { createLiveSockets } from '../../src/streams/liveSockets.js';
import type { Socket } from '../../src/streams/transport.js';

const rig = () => {
  const live = createLiveSockets();
  const terminated: number[] = [];
  const dial = (generation: number): void =>
    live.add(generation, { terminate: () => terminated.push(generation) } as unknown as Socket);
  return { live, dial, terminated };
};

describe('createLiveSockets', () => {
  it('says when the sockets of a moment are gone, whatever is dialled later', () => {
    const { live, dial } = rig();
    const log: string[] = [];
    live.now().gone$.subscribe({ complete: () => log.push('none') });
    dial(1);
    dial(2);
    live.now().gone$.subscribe({ complete: () => log.push('both') });
    live.delete(1);
    dial(3);
    log.push('one left');
    live.delete(2);

    expect(log).toStrictEqual(['none', 'one left', 'both']);
  });

  it('says so at once to who asks too late', () => {
    const { live, dial } = rig();
    dial(1);
    const { gone$ } = live.now();
    live.delete(1);
    let isTold = false;
    gone$.subscribe({ complete: () => (isTold = true) });

    expect(isTold).toBe(true);
  });

  it('terminates the sockets of a moment that are still there', () => {
    const { live, dial, terminated } = rig();
    dial(1);
    dial(2);
    const moment = live.now();
    live.delete(1);
    dial(3);
    moment.terminate();

    expect(terminated).toStrictEqual([2]);
  });

  it.each([
    { but: 2, expected: [1, 3] },
    { but: undefined, expected: [1, 2, 3] },
  ])('terminates all but that of dial $but', ({ but, expected }) => {
    const { live, dial, terminated } = rig();
    for (const generation of [1, 2, 3]) dial(generation);
    live.terminateBut(but);

    expect(terminated).toStrictEqual(expected);
  });
});
