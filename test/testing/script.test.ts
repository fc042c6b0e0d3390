import {
  act,
  closes,
  drops,
  opens,
  parseScript,
  refuses,
  silence,
  type Step,
  toStep,
} from '../../src/testing/script.js';

const steps = new Map<string, Step>([
  ['o', opens()],
  ['|', closes(1000)],
  ['#', drops],
  ['a', toStep('a', 'a')],
  ['b', toStep('b', 'b')],
  ['1', toStep('one', '1')],
  ['r', refuses(401)],
  ['s', silence()],
]);

const read = (script: string): unknown[] => parseScript(script, steps).map(({ at, step }) => [at, step[act]]);

describe('parseScript', () => {
  it.each([
    [
      'a frame is 1 ms',
      '--o-a',
      [
        [2, 'open'],
        [4, 'message'],
      ],
    ],
    [
      'spaces take no time',
      '  o - a',
      [
        [0, 'open'],
        [2, 'message'],
      ],
    ],
    [
      'a group happens at its first frame',
      '-(oab|)',
      [
        [1, 'open'],
        [1, 'message'],
        [1, 'message'],
        [1, 'end'],
      ],
    ],
    [
      'what follows a group waits for its width',
      '(oa)b',
      [
        [0, 'open'],
        [0, 'message'],
        [4, 'message'],
      ],
    ],
    [
      'time passes in ms, s and m',
      'o 5ms a 1.5s b 1m |',
      [
        [0, 'open'],
        [6, 'message'],
        [1507, 'message'],
        [61_508, 'end'],
      ],
    ],
    ['times in a row add up', '1s 2ms o', [[1002, 'open']]],
    [
      'a digit without a unit is a letter',
      'o 1',
      [
        [0, 'open'],
        [1, 'message'],
      ],
    ],
    [
      'a silence fits before and after the opening',
      'sos',
      [
        [0, 'silence'],
        [1, 'open'],
        [2, 'silence'],
      ],
    ],
    ['nothing is a script', '', []],
  ])('%s: %s', (_title, script, cues) => {
    expect(read(script)).toStrictEqual(cues);
  });

  it.each([
    ['a letter without a step', 'o-q', "frames has nothing for 'q' at position 2 of 'o-q'"],
    [
      'a letter that a time before it has too',
      'o 5ms m',
      "frames has nothing for 'm' at position 6 of 'o 5ms m'",
    ],
    ['a letter beyond the basic plane', 'o😀', "frames has nothing for '😀' at position 1 of 'o😀'"],
    ['a message before the opening', '-a-o', "'a' at position 1 of '-a-o' comes before the opening"],
    ['a close before the opening', '|', "'|' at position 0 of '|' comes before the opening"],
    ['a second opening', 'oo', "'o' at position 1 of 'oo' comes after the opening"],
    ['a refusal after the opening', 'or', "'r' at position 1 of 'or' comes after the opening"],
    ['anything after a close', '(o|a)', "'a' at position 3 of '(o|a)' comes after the end"],
    ['anything after a drop', '#o', "'o' at position 1 of '#o' comes after the end"],
    ['a subscription marble', 'o-^', "'!' and '^' mean nothing here, got 'o-^'"],
    ['an unsubscription marble', 'o-!', "'!' and '^' mean nothing here, got 'o-!'"],
  ])('refuses %s', (_title, script, message) => {
    expect(() => parseScript(script, steps)).toThrow(new TypeError(`scriptedTransport: ${message}`));
  });
});

describe('toStep', () => {
  it.each([
    ['a string as it is', 'text', 'text'],
    ['bytes as they are', Uint8Array.of(1), Uint8Array.of(1)],
    ['an object as JSON', { a: [1] }, '{"a":[1]}'],
    ['null as JSON', null, 'null'],
  ])('sends %s', (_title, frame, data) => {
    expect(toStep(frame, 'a')).toMatchObject({ [act]: 'message', data });
  });

  it('leaves a step as it is', () => {
    const step = closes(1000);

    expect(toStep(step, 'a')).toBe(step);
  });

  it.each([undefined, Symbol('s'), () => 1])('refuses %p, which has no JSON', (frame) => {
    expect(() => toStep(frame, 'frames.a')).toThrow(
      new TypeError(`scriptedTransport: frames.a has no JSON, got ${typeof frame}`),
    );
  });
});
