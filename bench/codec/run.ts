import { exactJsonCodec, jsonCodec } from 'millrace';

// How long decoding takes, exact against plain: prints the table of docs/numbers.md.
const level = (index: number): string =>
  `{"price":${45_000 + index}.${10 + index},"qty":0.0010${index % 10}000}`;
const levels = (count: number): string => Array.from({ length: count }, (_, index) => level(index)).join(',');

const frames: Readonly<Record<string, string>> = {
  'trade, prices quoted':
    '{"type":"trade","symbol":"BTC-USD","id":81234567,"price":"45285.20","size":"0.00100000","time":1700000000000}',
  'trade, prices as numbers':
    '{"type":"trade","symbol":"BTC-USD","id":81234567,"price":45285.20,"size":0.00100000,"time":1700000000000}',
  'trade, id beyond 2^53':
    '{"type":"trade","symbol":"BTC-USD","id":9007199254740993,"price":"45285.20","size":"0.001","time":1700000000000}',
  'book of 20 levels': `{"type":"book","symbol":"BTC-USD","asks":[${levels(10)}],"bids":[${levels(10)}]}`,
  'book of 1 000 levels': `{"type":"book","symbol":"BTC-USD","asks":[${levels(500)}],"bids":[${levels(500)}]}`,
};
const codecs = { plain: jsonCodec, exact: exactJsonCodec() };

/** The fastest of some rounds, in µs a frame: what disturbs a round only makes it slower. */
const microseconds = (decode: (text: string) => unknown, text: string): number => {
  const times = Math.ceil(4_000_000 / text.length);
  let fastest = Infinity;
  for (let round = 0; round < 12; round += 1) {
    const before = process.hrtime.bigint();
    for (let time = 0; time < times; time += 1) decode(text);
    fastest = Math.min(fastest, Number(process.hrtime.bigint() - before) / 1_000 / times);
  }
  return fastest;
};

console.log('| frame | bytes | plain, µs | exact, µs | ratio |\n| --- | --: | --: | --: | --: |');
for (const [name, text] of Object.entries(frames)) {
  const plain = microseconds(codecs.plain.decode, text);
  const exact = microseconds(codecs.exact.decode, text);
  const cells = [name, text.length, plain.toFixed(2), exact.toFixed(2), `${(exact / plain).toFixed(1)} ×`];
  console.log(`| ${cells.join(' | ')} |`);
}
