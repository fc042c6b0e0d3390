import { refOf } from '../src/refOf.js';

describe('refOf', () => {
  it('names a topic, or the whole stream', () => {
    expect([refOf('tick', 'A'), refOf('tick', undefined)]).toStrictEqual([
      { stream: 'tick', topic: 'A' },
      { stream: 'tick' },
    ]);
  });
});
