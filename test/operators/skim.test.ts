import { rawNumber, rawText } from '../../src/operators/rawField.js';
import { createSeenKeys, type Key, type SeenKeys } from '../../src/operators/seenKeys.js';
import { createSkimmer, type Mistrust, type SkimConfig } from '../../src/operators/skim.js';

interface Message {
  readonly type: string;
  readonly id: number;
}

/** A feed of two streams that parses what is not skimmed; `notice` is a stream without a key, and anything else is in none. */
function scene(config: Partial<SkimConfig> = {}, length = 192) {
  const memories: Readonly<Record<string, SeenKeys>> = { trade: createSeenKeys(), book: createSeenKeys() };
  const looks: string[] = [];
  const mistrusts: Mistrust[] = [];
  const failures: unknown[] = [];
  const route = config.route ?? rawText('type');
  const skimmer = createSkimmer(
    {
      key: rawNumber('id'),
      ...config,
      route: (data) => {
        looks.push(data as string);
        return route(data);
      },
    },
    {
      memoryOf: (stream) => memories[stream],
      onMistrust: (about) => mistrusts.push(about),
      onHookFailed: (error) => failures.push(error),
    },
  );
  const take = (text: string, mustParse?: boolean): string => {
    const stream = skimmer.skim(text, mustParse);
    if (stream !== undefined) return `skimmed ${stream}`;
    const { type, id } = JSON.parse(text) as Message;
    const memory = memories[type];
    skimmer.parsed(memory === undefined ? undefined : type, id);
    return memory?.add(id) === false ? 'duplicate' : 'new';
  };
  let last = 0;
  return {
    skimmer,
    memories,
    looks,
    mistrusts,
    failures,
    take,
    send: (id: number, type = 'trade') => take(JSON.stringify({ type, id }).padEnd(length)),
    /** Sends this many frames, of which so many, spread over them, are known. */
    sendMany(frames: number, known: number) {
      for (let sent = 0; sent < frames; sent += 1) {
        const isKnown = Math.floor(((sent + 1) * known) / frames) > Math.floor((sent * known) / frames);
        this.send(isKnown ? 0 : ++last);
      }
    },
    /** Of the next frames, which are new, so many are looked at. */
    looksAt(frames: number) {
      const before = looks.length;
      this.sendMany(frames, 0);
      return looks.length - before;
    },
  };
}

describe('createSkimmer', () => {
  it('parses the first message of a stream and the first known one, and skims the next', () => {
    const { send } = scene();

    expect([send(1), send(2), send(1), send(3), send(2), send(4)]).toStrictEqual([
      'new',
      'new',
      'duplicate',
      'new',
      'skimmed trade',
      'new',
    ]);
  });

  it('keeps streams apart: each has its own memory and is proven for itself', () => {
    const { send } = scene();
    for (const type of ['trade', 'trade']) send(1, type);

    expect([send(1), send(1, 'book'), send(1, 'book'), send(1, 'book')]).toStrictEqual([
      'skimmed trade',
      'new',
      'duplicate',
      'skimmed book',
    ]);
  });

  it('knows what was delivered by another line', () => {
    const { memories, send } = scene();
    for (const id of [1, 2, 3]) memories['trade']!.add(id);

    expect([send(1), send(2), send(3), send(4)]).toStrictEqual([
      'duplicate',
      'duplicate',
      'skimmed trade',
      'new',
    ]);
  });

  it('a skimmed frame is a sighting: its key stays known as a parsed copy would keep it', () => {
    const memory = createSeenKeys({ maxKeys: 2 });
    const skimmer = createSkimmer(
      { route: () => 'trade', key: (data) => data as string },
      { memoryOf: () => memory, onMistrust: fail, onHookFailed: fail },
    );
    const take = (key: string): boolean => {
      if (skimmer.skim(key) !== undefined) return true;
      skimmer.parsed('trade', key);
      memory.add(key);
      return false;
    };
    ['a', 'a', 'b'].forEach(take);

    expect([take('a'), take('c')]).toStrictEqual([true, false]);
    expect([memory.has('a'), memory.has('b')]).toStrictEqual([true, false]);
    expect(memory.stats().hits).toBe(2);
  });

  it('a message that does not fit makes no key known', () => {
    const { send, skimmer } = scene();
    send(1);
    send(1);

    expect(skimmer.skim('{"type":"trade","id":2,"broken":true}')).toBeUndefined();
    expect([send(2), send(2)]).toStrictEqual(['new', 'skimmed trade']);
  });

  it.each([
    ['has no route', '{"id":1}'],
    ['has no key', '{"type":"trade","id":1.5}'],
    ['is in a stream without a key', '{"type":"notice","id":1}'],
    ['is in no stream', '{"type":"prototype","id":1}'],
  ])('parses a frame that %s', (_name, text) => {
    const { skimmer, mistrusts } = scene();

    expect([1, 2, 3].map(() => skimmer.skim(text))).toStrictEqual([undefined, undefined, undefined]);
    expect(mistrusts).toStrictEqual([]);
  });

  it('looks at no frame that must be parsed, and compares nothing with it', () => {
    const { take, send, skimmer, looks, mistrusts } = scene();
    send(1);
    send(1);
    skimmer.skim('{"type":"trade","id":7,"broken":true}');

    expect(take('{"type":"book","id":1}', true)).toBe('new');
    expect(take('{"type":"trade","id":1}', true)).toBe('duplicate');
    expect(looks).toHaveLength(3);
    expect([mistrusts, send(1)]).toStrictEqual([[], 'skimmed trade']);
  });

  describe('checks', () => {
    it('the first known message of a stream, then ever fewer, at last one in 61', () => {
      const { memories, send } = scene();
      memories['trade']!.add(1);
      const parsed = Array.from({ length: 260 }, () => send(1)).flatMap((result, index) =>
        result === 'duplicate' ? [index] : [],
      );

      // The first proves the stream; then 0, 1, 3, 7, 15, 31, 60, 60 … are dropped in between.
      expect(parsed).toStrictEqual([0, 1, 3, 7, 15, 31, 63, 124, 185, 246]);
    });

    it('the next known one if a check was of a message that did not fit', () => {
      const { send, skimmer } = scene();
      send(1);
      skimmer.skim('{"type":"trade","id":1,"broken":true}');

      expect([send(1), send(1)]).toStrictEqual(['duplicate', 'skimmed trade']);
    });

    it.each<[string, string, Mistrust]>([
      ['key', '{"maker":{"id":8},"type":"trade","id":9}', { stream: 'trade', raw: 8, parsed: 9 }],
      [
        'stream',
        '{"of":{"type":"trade"},"type":"book","id":9}',
        { stream: 'book', raw: 'trade', parsed: 'book' },
      ],
      [
        'place in a stream',
        '{"of":{"type":"trade","id":8},"type":"ack"}',
        { stream: 'trade', raw: 'trade', parsed: undefined },
      ],
    ])('a %s that was read wrong, and never looks again', (_what, text, mistrust) => {
      const { take, send, looks, mistrusts, failures } = scene();
      send(1);
      send(1);
      const before = send(1);
      take(text);
      take(text);
      const after = [send(1), send(1)];

      expect([before, ...after]).toStrictEqual(['skimmed trade', 'duplicate', 'duplicate']);
      expect(mistrusts).toStrictEqual([mistrust]);
      expect(looks).toHaveLength(4);
      expect(failures).toStrictEqual([]);
    });

    it('a number and the text of its digits, which are two keys', () => {
      const { send, mistrusts } = scene({ key: (data) => String(rawNumber('id')(data)) });
      send(1);

      expect(mistrusts).toStrictEqual([{ stream: 'trade', raw: '1', parsed: 1 }]);
    });
  });

  it.each<[string, Partial<SkimConfig>]>([
    ['route', { route: () => JSON.parse('?') as string }],
    ['key', { key: () => JSON.parse('?') as Key }],
  ])('a %s that throws is told once, and no frame is looked at any more', (_name, config) => {
    const { send, looks, mistrusts, failures } = scene(config);

    expect([send(1), send(1), send(1)]).toStrictEqual(['new', 'duplicate', 'duplicate']);
    expect(failures).toStrictEqual([expect.objectContaining({ name: 'SyntaxError' })]);
    expect(mistrusts).toStrictEqual([]);
    expect(looks).toHaveLength(1);
  });

  describe('looks', () => {
    it('at every frame to begin with', () => expect(scene().looksAt(256)).toBe(256));

    it.each([
      ['one in 17', 192, 0, 10],
      ['one in 17', 192, 63, 10],
      ['every frame', 192, 64, 170],
      ['every frame', 192, 255, 170],
      ['one in 17', 1_472, 10, 10],
      ['every frame', 1_472, 11, 170],
    ])('at %s of %i characters after 256 of which %i were known', (_what, length, known, expected) => {
      const line = scene({}, length);
      line.memories['trade']!.add(0);
      line.send(0); // proves the stream: looked at and not known
      line.sendMany(255, known);

      expect(line.looksAt(170)).toBe(expected);
    });

    it.each([
      [7, 10],
      [8, 170],
    ])('again at every frame or not, once %i of 32 looked at were known', (known, expected) => {
      const line = scene();
      line.memories['trade']!.add(0);
      line.sendMany(256, 0);
      for (let sample = 0; sample < 32; sample += 1) {
        line.sendMany(16, 0);
        line.send(sample < known ? 0 : 10_000 + sample);
      }

      expect(line.looks).toHaveLength(256 + 32);
      expect(line.looksAt(170)).toBe(expected);
    });

    it('at few frames of the line that leads and at all of the one that lags', () => {
      const memory = createSeenKeys();
      const [leading, lagging] = [0, 1].map(() => {
        const looks: unknown[] = [];
        const skimmer = createSkimmer(
          { route: () => 'trade', key: (data) => (looks.push(data), Number(data)) },
          { memoryOf: () => memory, onMistrust: fail, onHookFailed: fail },
        );
        const take = (id: number): void => {
          if (skimmer.skim(String(id).padEnd(100)) !== undefined) return;
          skimmer.parsed('trade', id);
          memory.add(id);
        };
        return { looks, take };
      }) as [
        { looks: unknown[]; take: (id: number) => void },
        { looks: unknown[]; take: (id: number) => void },
      ];
      for (let id = 0; id < 5_000; id += 1) {
        leading.take(id);
        if (id >= 50) lagging.take(id - 50);
      }

      expect(leading.looks).toHaveLength(256 + Math.floor((5_000 - 256) / 17));
      expect(lagging.looks).toHaveLength(4_950);
    });
  });
});

/** For what must not be told. */
function fail(about: unknown): never {
  throw new Error(`told: ${JSON.stringify(about)}`);
}
