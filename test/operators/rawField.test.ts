import fc from 'fast-check';
import { rawNumber, rawText } from '../../src/operators/rawField.js';

describe('rawNumber', () => {
  it.each<[string, string, number | undefined]>([
    ['a number', '{"type":"trade","id":12,"price":"1"}', 12],
    ['the last field', '{"id":12}', 12],
    ['a negative one', '{"id":-12,"x":1}', -12],
    ['zero', '{"id":0}', 0],
    ['space around it', '{ "id": \n 12 , "x": 1 }', 12],
    ['15 digits', '{"id":999999999999999}', 999_999_999_999_999],
    ['16 digits', '{"id":1000000000000000}', undefined],
    ['a fraction', '{"id":1.5}', undefined],
    ['an exponent', '{"id":1e3}', undefined],
    ['a text', '{"id":"12"}', undefined],
    ['null', '{"id":null}', undefined],
    ['a lone minus', '{"id":-}', undefined],
    ['no such field', '{"ids":12,"xid":13}', undefined],
    ['a field of the longer name before it', '{"tid":1,"id":2}', 2],
    ['its name as a value before it', '{"sort":"id","id":2}', 2],
    ['a longer name with a quote in it before it', JSON.stringify({ 'x"id': 1, id: 2 }), 2],
    ['its name within a text before it', JSON.stringify({ note: '{"id":1}', id: 2 }), 2],
    ['a text that was cut off in the number', '{"type":"trade","id":12', undefined],
    ['a text that was cut off before the number', '{"type":"trade","id":', undefined],
    ['nothing', '', undefined],
    ['a nested field before it, which is the wrong one', '{"maker":{"id":1},"id":2}', 1],
  ])('reads %s', (_name, text, expected) => expect(rawNumber('id')(text)).toBe(expected));
});

describe('rawText', () => {
  it.each<[string, string, string | undefined]>([
    ['a text', '{"type":"trade","id":1}', 'trade'],
    ['an empty one', '{"type":"","id":1}', ''],
    ['space before it', '{ "type" :1, "type": "trade"}', 'trade'],
    ['what is not ASCII', '{"type":"Börse 🏛"}', 'Börse 🏛'],
    ['an escaped quote', '{"type":"a\\"b"}', undefined],
    ['another escape', '{"type":"BTC\\/USD"}', undefined],
    ['a number', '{"type":1}', undefined],
    ['no such field', '{"kind":"trade"}', undefined],
    ['its name as a value before it', '{"sort":"type","type":"trade"}', 'trade'],
    ['a text that was cut off', '{"type":"tra', undefined],
    ['nothing', '', undefined],
  ])('reads %s', (_name, text, expected) => expect(rawText('type')(text)).toBe(expected));

  it('finds a name that JSON writes with escapes', () => {
    const name = 'a "b"\n';

    expect(rawText(name)(JSON.stringify({ [name]: 'c' }))).toBe('c');
  });
});

describe('a reader of raw fields', () => {
  it('reads nothing from a binary frame', () => {
    const data = new TextEncoder().encode('{"id":1,"type":"trade"}');

    expect([rawNumber('id')(data), rawText('type')(data)]).toStrictEqual([undefined, undefined]);
  });

  it('yields what JSON.parse yields or undefined, where no object before has the field', () => {
    const name = fc.constantFrom('id', 'i', '"', 'é');
    const values = fc.dictionary(
      fc.constantFrom('a', 'xid', 'x"id', 'id"', 'n'),
      fc.jsonValue({ maxDepth: 0 }),
    );
    const value = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double(), fc.string(), fc.constant(null));
    const indent = fc.nat(2);
    fc.assert(
      fc.property(name, fc.array(fc.tuple(values, value, indent)), (field, messages) => {
        const number = rawNumber(field);
        const text = rawText(field);
        for (const [others, own, spaces] of messages) {
          const json = JSON.stringify({ ...others, [field]: own, rest: { [field]: 'nested' } }, null, spaces);
          const isPlain = typeof own === 'string' && JSON.stringify(own) === `"${own}"`;
          const isShort = Number.isInteger(own) && Math.abs(own as number) < 1e15;

          expect(number(json)).toBe(isShort ? JSON.parse(JSON.stringify(own)) : undefined);
          expect(text(json)).toBe(isPlain ? own : undefined);
        }
      }),
    );
  });

  it.each([
    [() => rawNumber(''), 'rawNumber: name must be a text that is not empty, got ""'],
    [() => rawText(''), 'rawText: name must be a text that is not empty, got ""'],
    // @ts-expect-error -- a name is a text
    [() => rawNumber(7), 'rawNumber: name must be a text that is not empty, got 7'],
  ])('refuses what is no name: %#', (create, message) => {
    expect(create).toThrow(new TypeError(message));
  });
});
