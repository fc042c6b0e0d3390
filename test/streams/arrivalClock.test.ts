import { createArrivalClock } from '../../src/streams/arrivalClock.js';

describe('the clock of arrivals', () => {
  afterEach(() => jest.restoreAllMocks());

  /** A clock that goes on only when it is told to, and counts who looks. */
  const rig = () => {
    const time = { now: 1_000 };
    const looks = jest.spyOn(Date, 'now').mockImplementation(() => time.now);
    const clock = createArrivalClock();
    /** Takes frames in, each of which takes so long. */
    const take = (count: number, tookMs = 0): number[] =>
      Array.from({ length: count }, () => {
        const at = clock.now();
        time.now += tookMs;
        return at;
      });
    return { time, looks, clock, take };
  };

  it('looks for each frame while nobody tells of chunks', () => {
    const { looks, take } = rig();
    expect(take(4, 1)).toStrictEqual([1_000, 1_001, 1_002, 1_003]);
    expect(looks).toHaveBeenCalledTimes(4);
  });

  it('looks at the first frame of each chunk, and then once for ever more frames, up to eight', () => {
    const { looks, clock, take, time } = rig();
    clock.chunk();
    take(1 + 2 + 4 + 8 + 8);
    expect(looks).toHaveBeenCalledTimes(5);
    take(8);
    expect(looks).toHaveBeenCalledTimes(6);
    time.now += 5_000;
    clock.chunk();
    expect(take(9)).toStrictEqual(Array.from({ length: 9 }, () => 6_000));
    expect(looks).toHaveBeenCalledTimes(8);
  });

  it('looks for each frame again once those that share a look took two milliseconds', () => {
    const { looks, clock, take } = rig();
    clock.chunk();
    take(7);
    looks.mockClear();
    expect(take(8, 1)).toStrictEqual(Array.from({ length: 8 }, () => 1_000));
    expect(take(3, 2)).toStrictEqual([1_008, 1_010, 1_012]);
    expect(looks).toHaveBeenCalledTimes(4);
  });

  it('is not taken in by the time between two chunks', () => {
    const { looks, clock, take, time } = rig();
    clock.chunk();
    take(15);
    for (let chunk = 0; chunk < 3; chunk += 1) {
      time.now += 5_000;
      clock.chunk();
      looks.mockClear();
      take(8);
      expect(looks).toHaveBeenCalledTimes(1);
    }
  });
});
