/** What must hold, whatever is done to a feed from inside whichever callback. */
export const LIFE_FACTS = {
  heard: 'whoever listens is heard: no feed is CLOSED or DISCONNECTED for him, and he gets the next values',
  ended: 'nothing comes after an end, nor after leaving, and no end comes twice',
  asked: 'nothing completes that nobody closed, nor errors but for what was told as gaveUp',
  fresh: 'who comes to a feed that is over gets nothing of its past',
  single: 'there is one socket, or two in a rotation, and no storm',
  idle: 'a feed that nobody wants is neither connected nor connecting',
  wanted: 'the server is asked for what is listened to, and health watches that, and nothing else',
  balanced: 'the books balance at every instant',
  settles: 'each open(), each close() and each request() settles',
  closed: 'after close() it is CLOSED, nothing is held, no socket is left, and everybody was told',
  caught: 'nothing is thrown that nobody catches, and no hook fails',
  still: 'no timer is left',
  told: 'a state follows one that it may follow, and no failure is told twice, nor of a feed that is at an end',
};
export type LifeFact = keyof typeof LIFE_FACTS;
export type Breaks = (fact: LifeFact, how: string) => void;
