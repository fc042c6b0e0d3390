import fc from 'fast-check';
import { createLanes, type Lane, type Lanes, type Message } from '../../src/streams/lanes.js';

interface Exit {
  readonly name: string;
  isFull: boolean;
}
type Named = Message<Exit> & { readonly name: string };

const message = (name: string): Named => ({ name, run: () => undefined });
const lanesOf = () => createLanes<Exit, Named>({ hasRoom: ({ isFull }) => !isFull });
const exit = (name: string): Exit => ({ name, isFull: false });

/** Who leaves, in order, until nobody can. */
const leaveAll = (lanes: Lanes<Exit, Named>): string[] => {
  const left: string[] = [];
  for (let turn = lanes.next(); turn !== undefined; turn = lanes.next()) {
    left.push((lanes.take(turn) as Named).name);
  }
  return left;
};

describe('createLanes', () => {
  it('lets a session go first, and topics and the user take turns', () => {
    const lanes = lanesOf();
    const way = lanes.open(exit('a'));
    for (const name of ['u1', 'u2', 'u3']) lanes.users.push(message(name));
    for (const name of ['t1', 't2', 't3', 't4']) way.topics.push(message(name));
    for (const name of ['s1', 's2']) way.session.push(message(name));
    lanes.carry(way);

    expect(leaveAll(lanes)).toStrictEqual(['s1', 's2', 't1', 'u1', 't2', 'u2', 't3', 'u3', 't4']);
  });

  it('keeps the turns of topics and user though a session goes in between', () => {
    const lanes = lanesOf();
    const way = lanes.open(exit('a'));
    lanes.carry(way);
    for (const name of ['u1', 'u2', 'u3']) lanes.users.push(message(name));
    for (const name of ['t1', 't2', 't3']) way.topics.push(message(name));
    const left: string[] = [];
    for (let turn = lanes.next(); turn !== undefined; turn = lanes.next()) {
      left.push((lanes.take(turn) as Named).name);
      way.session.push(message('s'));
      lanes.take(lanes.next()!);
    }

    expect(left).toStrictEqual(['t1', 'u1', 't2', 'u2', 't3', 'u3']);
  });

  it('lets a ping go behind the session, before the rest, and into a full exit', () => {
    const lanes = lanesOf();
    const [open, full] = [exit('open'), exit('full')];
    const [a, b] = [lanes.open(open), lanes.open(full)];
    full.isFull = true;
    for (const way of [a, b]) {
      for (const lane of ['topics', 'ping', 'session'] as const)
        way[lane].push(message(`${way.exit.name} ${lane}`));
    }

    expect(leaveAll(lanes)).toStrictEqual(['open session', 'full ping', 'open ping', 'open topics']);
    expect(lanes.isWaiting()).toBe(true);
  });

  it('lets the ways take turns', () => {
    const lanes = lanesOf();
    const [a, b] = [lanes.open(exit('a')), lanes.open(exit('b'))];
    for (const name of ['a1', 'a2', 'a3']) a.session.push(message(name));
    for (const name of ['b1', 'b2']) b.session.push(message(name));

    expect(leaveAll(lanes)).toStrictEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  it('does not let a full exit hold up another', () => {
    const lanes = lanesOf();
    const full = exit('full');
    const [a, b] = [lanes.open(full), lanes.open(exit('b'))];
    full.isFull = true;
    lanes.carry(a);
    lanes.users.push(message('u'));
    a.session.push(message('a'));
    b.topics.push(message('b'));

    expect(leaveAll(lanes)).toStrictEqual(['b']);
    expect(lanes.isWaiting()).toBe(true);
    full.isFull = false;
    expect(leaveAll(lanes)).toStrictEqual(['a', 'u']);
    expect(lanes.isWaiting()).toBe(false);
  });

  it('keeps the user waiting while nobody carries', () => {
    const lanes = lanesOf();
    const way = lanes.open(exit('a'));
    lanes.users.push(message('u'));
    expect([lanes.next(), lanes.isWaiting(), lanes.carrier]).toStrictEqual([undefined, false, undefined]);

    lanes.carry(way);
    expect([lanes.isWaiting(), lanes.carrier]).toStrictEqual([true, way]);
    lanes.close(way);
    expect([lanes.next(), lanes.isWaiting(), lanes.carrier]).toStrictEqual([undefined, false, undefined]);
  });

  it('keeps each lane in order and starves neither topics nor user, whatever comes', () => {
    const lane = fc.constantFrom<Lane | 'user' | 'take'>('session', 'topics', 'user', 'take', 'take');
    fc.assert(
      fc.property(fc.array(fc.tuple(lane, fc.boolean()), { maxLength: 120 }), (script) => {
        const lanes = lanesOf();
        const ways = [lanes.open(exit('a')), lanes.open(exit('b'))];
        lanes.carry(ways[0]!);
        const lastOf = new Map<unknown, number>();
        let lastTurn: string | undefined;
        script.forEach(([what, isFirst], index) => {
          const way = ways[isFirst ? 0 : 1]!;
          if (what === 'user') lanes.users.push(message(String(index)));
          else if (what !== 'take') way[what].push(message(String(index)));
          const turn = what === 'take' ? lanes.next() : undefined;
          if (turn === undefined) return;
          const bothWait = lanes.users.size > 0 && ways.some(({ topics }) => topics.size > 0);
          if (turn.lane !== 'session') {
            if (bothWait) expect(turn.lane).not.toBe(lastTurn);
            lastTurn = turn.lane;
          }
          const line = turn.lane === 'user' ? lanes.users : turn.way[turn.lane];
          const taken = Number((lanes.take(turn) as Named).name);
          expect(taken).toBeGreaterThan(lastOf.get(line) ?? -1);
          lastOf.set(line, taken);
        });
      }),
    );
  });
});
