import { EMPTY } from 'rxjs';
import {
  aBoolean,
  aFunction,
  aNumber,
  anObject,
  anObservable,
  elsewhere,
  kindOf,
  oneOf,
  options,
  type Rule,
  shown,
} from '../src/optionRules.js';

const aSize = aNumber('from 1 to 9', (value) => value >= 1 && value <= 9);
const aBox = options<{ size?: number; color?: string }>({ size: aSize, color: oneOf('red', 'blue') });

describe('the rules for options', () => {
  it.each<[string, Rule, unknown]>([
    ['aFunction', aFunction, () => 1],
    ['anObject', anObject, {}],
    ['anObject', anObject, new Map()],
    ['aBoolean', aBoolean, false],
    ['anObservable', anObservable, EMPTY],
    ['aNumber', aSize, 9],
    ['oneOf', oneOf('a', 'b'), 'b'],
    ['elsewhere', elsewhere, null],
    ['options', aBox, {}],
    ['options', aBox, { size: 1, color: 'red' }],
    ['options', aBox, { size: undefined, shape: undefined }],
    ['options', aBox, Object.create(null)],
  ])('%s takes what is right', (_name, rule, value) => {
    expect(() => rule(value, 'x')).not.toThrow();
  });

  it.each<[string, Rule, unknown, Error]>([
    ['aFunction', aFunction, {}, new TypeError('createFeed: x must be a function, got object')],
    ['anObject', anObject, null, new TypeError('createFeed: x must be an object, got null')],
    ['anObject', anObject, [], new TypeError('createFeed: x must be an object, got array')],
    ['aBoolean', aBoolean, 'no', new TypeError('createFeed: x must be true or false, got string')],
    ['anObservable', anObservable, [1], new TypeError('createFeed: x must be an Observable, got array')],
    ['aNumber', aSize, '5', new TypeError('createFeed: x must be a number, got string "5"')],
    ['aNumber', aSize, 5n, new TypeError('createFeed: x must be a number, got bigint')],
    ['aNumber', aSize, 0, new RangeError('createFeed: x must be from 1 to 9, got 0')],
    ['aNumber', aSize, NaN, new RangeError('createFeed: x must be from 1 to 9, got NaN')],
    ['oneOf', oneOf('a', 'b', 'c'), 'd', new TypeError('createFeed: x must be a, b or c, got d')],
    ['oneOf', oneOf('a', 'b'), 7, new TypeError('createFeed: x must be a or b, got 7')],
    ['oneOf', oneOf('a', 'b'), 'toString', new TypeError('createFeed: x must be a or b, got toString')],
    ['options', aBox, 'big', new TypeError('createFeed: x must be an object, got string')],
    ['options', aBox, { size: 10 }, new RangeError('createFeed: x.size must be from 1 to 9, got 10')],
    ['options', aBox, { size: null }, new TypeError('createFeed: x.size must be a number, got null')],
    [
      'options',
      aBox,
      { Size: 1 },
      new TypeError('createFeed: there is no option x.Size; did you mean x.size?'),
    ],
    ['options', aBox, { weight: 1 }, new TypeError('createFeed: there is no option x.weight')],
    ['options', aBox, { toString: 1 }, new TypeError('createFeed: there is no option x.toString')],
  ])('%s refuses what is wrong', (_name, rule, value, error) => {
    let thrown: unknown;
    try {
      rule(value, 'x');
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toStrictEqual(error);
  });

  it('names the options of the whole config without a path', () => {
    expect(() => aBox(null, '')).toThrow('createFeed: config must be an object, got null');
    expect(() => aBox({ size: 0 }, '')).toThrow('createFeed: size must be from 1 to 9, got 0');
    expect(() => aBox({ sise: 1 }, '')).toThrow('there is no option sise; did you mean size?');
  });

  it('asks for what is needed', () => {
    const box = options<{ size: number }>({ size: aSize }, ['size']);

    expect(() => box({}, 'x')).toThrow(new TypeError('createFeed: x.size must be a number, got undefined'));
  });

  it('refuses what does nothing without another one, whoever may carry more', () => {
    interface Lamp {
      bulb?: number;
      watts?: number;
    }
    const lamp = options<Lamp>({ bulb: aSize, watts: aSize }, [], { watts: 'bulb' });
    const error = new TypeError('createFeed: x.watts needs x.bulb, got undefined');

    expect(() => lamp({ bulb: 1, watts: 5 }, 'x')).not.toThrow();
    expect(() => lamp({ bulb: 1 }, 'x')).not.toThrow();
    expect(() => lamp({ watts: 5 }, 'x')).toThrow(error);
    expect(() => lamp(Object.assign(Object.create({}) as object, { watts: 5 }), 'x')).toThrow(error);
    expect(() => lamp({ watts: 5, bulbs: 1 }, 'x')).toThrow('did you mean x.bulb?');
  });

  it('lets an object of a class of its own carry more than options', () => {
    class Box {
      size = 3;
      history = [1, 2, 3];
    }
    const small = Object.assign(new Box(), { size: 0 });

    expect(() => aBox(new Box(), 'x')).not.toThrow();
    expect(() => aBox(small, 'x')).toThrow(RangeError);
  });

  it('shows numbers and the beginning of words, and of everything else the kind', () => {
    expect([7, 'a"b', null, [], {}, undefined, true].map(shown)).toStrictEqual([
      '7',
      'string "a\\"b"',
      'null',
      'array',
      'object',
      'undefined',
      'boolean',
    ]);
    expect(shown('x'.repeat(100))).toHaveLength('string ""'.length + 40);
    expect(kindOf('a password')).toBe('string');
  });
});
