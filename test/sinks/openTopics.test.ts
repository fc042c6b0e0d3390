import { Channel } from '../../src/sinks/channel.js';
import { DirectObservable } from '../../src/sinks/directObservable.js';
import { createLastValues, type LastValues } from '../../src/sinks/lastValues.js';
import { NO_PLACE, OpenTopics } from '../../src/sinks/openTopics.js';

const rig = () => {
  const topics = new OpenTopics<string>();
  const open = (topic: string | undefined, kept?: LastValues<string>): Channel<string> => {
    const place = topic === undefined ? NO_PLACE : topics.take();
    const channel = new Channel<string>(topic, kept, place, {
      letGo: () => undefined,
      lead: (changed) => topics.lead(changed),
    });
    topics.add(channel);
    return channel;
  };
  return { topics, open };
};

const enter = (channel: Channel<string>, next: (value: string) => void): void => {
  new DirectObservable<string>((subscriber, taker) => {
    channel.add(subscriber, taker, { complete: () => undefined });
  }).subscribe(next);
};

describe('OpenTopics', () => {
  it('finds each topic by a place of its own until it is deleted, and gives that away when it has been left', () => {
    const { topics, open } = rig();
    expect(topics.find('a')).toBeUndefined();
    const [a, b] = [open('a'), open('b')];
    expect(['a', 'b', 'c'].map((topic) => topics.find(topic))).toStrictEqual([0, 1, undefined]);
    topics.delete(a);
    topics.delete(a);
    expect([topics.find('a'), topics.channelOf(0)]).toStrictEqual([undefined, a]);
    expect([open('c').place, topics.find('c')]).toStrictEqual([2, 2]);
    topics.leave(a.place);
    expect([topics.channelOf(0), open('d').place, topics.find('d')]).toStrictEqual([undefined, 0, 0]);
    expect(topics.channelOf(1)).toBe(b);
  });

  it('finds a topic that has just come, and not one that has just gone, whichever was asked for last', () => {
    const { topics, open } = rig();
    open('b');
    const found = [topics.find('a')];
    const a = open('a');
    found.push(topics.find('a'));
    topics.delete(a);
    found.push(topics.find('a'));
    expect(found).toStrictEqual([undefined, 1, undefined]);
  });

  it('knows the order in which they were opened, the whole among them, which is in no place', () => {
    const { topics, open } = rig();
    const [whole, a] = [open(undefined), open('a')];
    expect([...topics.all()]).toStrictEqual([NO_PLACE, 0]);
    topics.delete(whole);
    open('b');
    open(undefined);
    topics.delete(a);
    expect([...topics.all()]).toStrictEqual([1, NO_PLACE]);
    expect(topics.find('a')).toBeUndefined();
  });

  it('names who is alone in a place, but not where values are kept, nor for a channel that had the place before', () => {
    const { topics, open } = rig();
    const [a, kept] = [open('a'), open('b', createLastValues<string>(1))];
    const next = (): undefined => undefined;
    enter(a, next);
    enter(kept, next);
    expect([topics.nextOf(0), topics.takerOf(0), topics.nextOf(1)]).toStrictEqual([
      next,
      { next },
      undefined,
    ]);
    topics.delete(a);
    topics.leave(0);
    expect([topics.nextOf(0), topics.takerOf(0)]).toStrictEqual([undefined, undefined]);
    const later = open('c');
    const other = (): undefined => undefined;
    enter(later, other);
    enter(a, next);
    expect(topics.nextOf(later.place)).toBe(other);
  });
});
