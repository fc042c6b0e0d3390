import { createDesk } from '../../src/testing/desk.js';
import type { Channel } from '../../src/testing/market.js';

const channel = (topic: string): Channel => ({
  stream: 'trade',
  topic,
  message: () => ({}),
  skip: () => undefined,
});
const a = channel('A');
const b = channel('B');

describe('createDesk', () => {
  const open = (maxHistory = 3) => {
    const sent: string[] = [];
    const desk = createDesk(maxHistory, ({ topic }, text) => sent.push(`${topic}${text}`));
    return { desk, sent };
  };

  it('sends what is published, and remembers the last messages of each channel', () => {
    const { desk, sent } = open(2);
    for (const text of ['1', '2', '3']) desk.publish(a, text);
    desk.publish(b, '1');

    expect(sent).toStrictEqual(['A1', 'A2', 'A3', 'B1']);
    expect(desk.history(a)).toStrictEqual(['2', '3']);
    expect(desk.history(b)).toStrictEqual(['1']);
  });

  it('remembers nothing at a history of 0', () => {
    const { desk } = open(0);
    desk.publish(a, '1');

    expect(desk.history(a)).toStrictEqual([]);
  });

  it('repeats one message, on its channel only, and remembers it once', () => {
    const { desk, sent } = open();
    desk.arm(a, 'repeat');
    desk.publish(b, '1');
    desk.publish(a, '1');
    desk.publish(a, '2');

    expect(sent).toStrictEqual(['B1', 'A1', 'A1', 'A2']);
    expect(desk.history(a)).toStrictEqual(['1', '2']);
  });

  it('swaps two messages, and remembers them as they were sent', () => {
    const { desk, sent } = open();
    desk.arm(a, 'reorder');
    for (const text of ['1', '2', '3']) desk.publish(a, text);

    expect(sent).toStrictEqual(['A2', 'A1', 'A3']);
    expect(desk.history(a)).toStrictEqual(['2', '1', '3']);
  });

  it('takes the next fault after the swap is done', () => {
    const { desk, sent } = open();
    desk.arm(a, 'reorder');
    desk.publish(a, '1');
    desk.arm(a, 'repeat');
    desk.publish(a, '2');
    desk.publish(a, '3');

    expect(sent).toStrictEqual(['A2', 'A1', 'A3', 'A3']);
  });
});
