import fc from 'fast-check';
import {
  config,
  firstValueFrom,
  noop,
  type Observable,
  repeat,
  retry,
  Subject,
  type Subscription,
  take,
  tap,
  timer,
} from 'rxjs';
import { createFanOut, type FanOut, type FanOutConfig } from '../../src/sinks/fanOut.js';
import { settled } from '../../src/streams/settled.js';
import { marbles } from '../marbles.js';
import { collectGarbage } from '../collectGarbage.js';

/** Subscribes, and writes down everything that comes. */
const listen = (
  source$: Observable<string>,
): { readonly heard: string[]; readonly subscription: Subscription } => {
  const heard: string[] = [];
  const subscription = source$.subscribe({
    next: (value) => heard.push(value),
    error: (error: unknown) => heard.push(`error ${(error as Error).message}`),
    complete: () => heard.push('complete'),
  });
  return { heard, subscription };
};

/** Subscribes with a callback alone, as for values that never fail. */
const onEach = (source$: Observable<string>, next: (value: string) => void): Subscription =>
  source$.subscribe({ next, error: noop });

/** A fan-out that writes down what it opens and closes. */
const logged = (config: FanOutConfig = {}): { readonly log: string[]; readonly fanOut: FanOut<string> } => {
  const log: string[] = [];
  const fanOut = createFanOut<string>({
    ...config,
    onOpen: (topic = '*') => log.push(`open ${topic}`),
    onClose: (topic = '*') => log.push(`close ${topic}`),
  });
  return { log, fanOut };
};

/** A fan-out that tells of its opening (o) and closing (c) in marbles. */
const observed = (
  config: FanOutConfig,
): { readonly told$: Observable<string>; readonly fanOut: FanOut<string> } => {
  const told = new Subject<string>();
  const fanOut = createFanOut<string>({
    ...config,
    onOpen: () => told.next('o'),
    onClose: () => told.next('c'),
  });
  return { told$: told.asObservable(), fanOut };
};

describe('createFanOut', () => {
  describe('delivery', () => {
    it(
      'SUB-03 a value reaches the whole stream and its topic, and nobody else',
      marbles(({ hot, expectObservable }) => {
        const source = hot('   -a-b-c-d-|');
        const whole = '        -a-b-c-d-|';
        const vowels = '       -a-------|';
        const consonants = '   ---b-c-d-|';
        const unknown = '      ---------|';

        const fanOut = createFanOut<string>();
        source.subscribe({
          next: (value) => fanOut.next(value, value === 'a' ? 'vowel' : 'consonant'),
          error: noop,
          complete: () => fanOut.complete(),
        });
        expectObservable(fanOut.stream()).toBe(whole);
        expectObservable(fanOut.stream('vowel')).toBe(vowels);
        expectObservable(fanOut.stream('consonant')).toBe(consonants);
        expectObservable(fanOut.stream('digit')).toBe(unknown);
      }),
    );

    it(
      'is silent while nothing comes, and ends with an error as it came',
      marbles(({ cold, expectObservable }) => {
        const fanOut = createFanOut<string>();
        expectObservable(fanOut.stream(), '^--!').toBe('-----');
        cold('-----#').subscribe({ error: (error: unknown) => fanOut.error(error) });
        expectObservable(fanOut.stream('a')).toBe(' -----#');
      }),
    );

    it('serves the whole stream before the topic, whoever came first', () => {
      const fanOut = createFanOut<string>();
      const order: string[] = [];
      onEach(fanOut.stream('a'), () => order.push('topic'));
      onEach(fanOut.stream(), () => order.push('whole'));
      fanOut.next('1', 'a');
      expect(order).toStrictEqual(['whole', 'topic']);
    });

    it('gives a value without a topic to the whole stream alone', () => {
      const fanOut = createFanOut<string>();
      const [whole, topic] = [listen(fanOut.stream()), listen(fanOut.stream('undefined'))];
      fanOut.next('1');
      expect([whole.heard, topic.heard]).toStrictEqual([['1'], []]);
    });

    it('keeps nothing for those who come later', () => {
      const fanOut = createFanOut<string>();
      fanOut.next('1', 'a');
      expect([listen(fanOut.stream()).heard, listen(fanOut.stream('a')).heard]).toStrictEqual([[], []]);
    });

    it('SUB-10 a subscriber that left hears nothing more, the others do', () => {
      const fanOut = createFanOut<string>();
      const [leaver, stayer] = [listen(fanOut.stream('a')), listen(fanOut.stream('a'))];
      fanOut.next('1', 'a');
      leaver.subscription.unsubscribe();
      fanOut.next('2', 'a');
      expect([leaver.heard, stayer.heard]).toStrictEqual([['1'], ['1', '2']]);
    });

    it('SUB-10 who leaves during a value does not get it any more, and who comes then gets the next one', () => {
      const fanOut = createFanOut<string>();
      const late: string[] = [];
      onEach(fanOut.stream('a').pipe(take(1)), () => {
        leaver.subscription.unsubscribe();
        onEach(fanOut.stream('a'), (value) => late.push(value));
      });
      const leaver = listen(fanOut.stream('a'));
      const stayer = listen(fanOut.stream('a'));
      fanOut.next('1', 'a');
      fanOut.next('2', 'a');
      expect([leaver.heard, late, stayer.heard]).toStrictEqual([[], ['2'], ['1', '2']]);
    });

    it('keeps the order of 50 000 values sent from inside one', () => {
      const fanOut = createFanOut<string>();
      const numbers = Array.from({ length: 50_000 }, (_, n) => `${n}`);
      onEach(fanOut.stream().pipe(take(1)), () => {
        for (const n of numbers) fanOut.next(n);
      });
      const { heard } = listen(fanOut.stream());
      fanOut.next('first');
      expect(heard).toStrictEqual(['first', ...numbers]);
    });

    it('TDN-08 holds a subscriber that left no longer, though others stay', async () => {
      const fanOut = createFanOut<string>();
      const stayers = [1, 2].map(() => listen(fanOut.stream('a')));
      const left = ((): WeakRef<object>[] =>
        [1, 2, 3].map((nth) => {
          const observer = { next: noop, error: noop };
          const asked$ = fanOut.stream('a').pipe(tap(() => observer.next()));
          if (nth === 3) asked$.subscribe().unsubscribe();
          else fanOut.stream('a').subscribe(observer).unsubscribe();
          return new WeakRef(observer);
        }))();
      fanOut.next('1', 'a');
      await firstValueFrom(settled); // a WeakRef holds until the end of its turn
      collectGarbage();
      expect(left.map((each) => each.deref())).toStrictEqual([undefined, undefined, undefined]);
      expect(stayers.map(({ heard }) => heard)).toStrictEqual([['1'], ['1']]);
    });

    it('shows everybody the same order when a subscriber sends from inside a value', () => {
      const fanOut = createFanOut<string>();
      onEach(fanOut.stream(), (value) => {
        if (value === '1') fanOut.next('2', 'a');
      });
      const [whole, topic] = [listen(fanOut.stream()), listen(fanOut.stream('a'))];
      fanOut.next('1', 'a');
      expect([whole.heard, topic.heard]).toStrictEqual([
        ['1', '2'],
        ['1', '2'],
      ]);
    });

    it('lets the present value reach everybody when a subscriber ends the stream from inside it', () => {
      const fanOut = createFanOut<string>();
      onEach(fanOut.stream(), () => {
        fanOut.complete();
        fanOut.next('too late', 'a');
      });
      const [whole, topic] = [listen(fanOut.stream()), listen(fanOut.stream('a'))];
      fanOut.next('1', 'a');
      expect([whole.heard, topic.heard]).toStrictEqual([
        ['1', 'complete'],
        ['1', 'complete'],
      ]);
    });

    it(
      'ERR-04 a subscriber that throws is reported, and hurts nobody else',
      marbles(({ flush }) => {
        const reported: unknown[] = [];
        config.onUnhandledError = (error) => reported.push(error);
        const fanOut = createFanOut<string>();
        const fault = new Error('mine');
        onEach(fanOut.stream(), () => {
          throw fault;
        });
        const [whole, topic] = [listen(fanOut.stream()), listen(fanOut.stream('a'))];
        fanOut.next('1', 'a');
        fanOut.next('2', 'a');
        expect([whole.heard, topic.heard]).toStrictEqual([
          ['1', '2'],
          ['1', '2'],
        ]);
        flush();
        config.onUnhandledError = null;
        expect(reported).toStrictEqual([fault, fault]);
      }),
    );
  });

  describe('opening and closing', () => {
    it('SUB-05 opens with the first subscriber of a topic and closes with the last', () => {
      const { log, fanOut } = logged();
      const [one, other] = [fanOut.stream('a').subscribe(), fanOut.stream('a').subscribe()];
      one.unsubscribe();
      expect(log).toStrictEqual(['open a']);
      other.unsubscribe();
      expect(log).toStrictEqual(['open a', 'close a']);
    });

    it('SUB-11 unsubscribing twice is harmless to the others', () => {
      const { log, fanOut } = logged();
      const one = fanOut.stream('a').subscribe();
      const other = listen(fanOut.stream('a'));
      one.unsubscribe();
      one.unsubscribe();
      fanOut.next('1', 'a');
      expect([log, other.heard]).toStrictEqual([['open a'], ['1']]);
    });

    it('SUB-05 counts each topic, and the whole stream, for itself', () => {
      const { log, fanOut } = logged();
      const subscriptions = [fanOut.stream(), fanOut.stream('a'), fanOut.stream('b')].map((each$) =>
        each$.subscribe(),
      );
      expect(fanOut.topics).toStrictEqual([undefined, 'a', 'b']);
      for (const subscription of subscriptions) subscription.unsubscribe();
      expect(fanOut.topics).toStrictEqual([]);
      expect(log).toStrictEqual(['open *', 'open a', 'open b', 'close *', 'close a', 'close b']);
    });

    it('counts the subscriptions of one Observable like those of two', () => {
      const { log, fanOut } = logged();
      const topic$ = fanOut.stream('a');
      expect(log).toStrictEqual([]);
      const [one, other] = [topic$.subscribe(), topic$.subscribe()];
      one.unsubscribe();
      other.unsubscribe();
      topic$.subscribe();
      expect(log).toStrictEqual(['open a', 'close a', 'open a']);
    });

    it('has the subscriber attached when it tells of the opening', () => {
      const fanOut: FanOut<string> = createFanOut<string>({
        onOpen: (topic) => fanOut.next('at once', topic),
      });
      expect(listen(fanOut.stream('a')).heard).toStrictEqual(['at once']);
    });

    it('closes when the first value, sent from onOpen, is all the subscriber wanted', () => {
      const log: string[] = [];
      const fanOut: FanOut<string> = createFanOut<string>({
        onOpen: () => ['1', '2', '3', '4'].forEach((value) => fanOut.next(value, 'a')),
        onClose: () => log.push('close'),
      });
      const { heard } = listen(fanOut.stream('a').pipe(take(3)));
      expect(heard).toStrictEqual(['1', '2', '3', 'complete']);
      expect([log, fanOut.topics]).toStrictEqual([['close'], []]);
    });

    it(
      'CLO-08 closes lingerMs after the last subscriber left; one who comes back starts the wait again',
      marbles(({ time, expectObservable }) => {
        const lingerMs = time('----|        ');
        const first = '        ^--!         ';
        const second = '       -----^-!     ';
        const expected = '     o----------c-';

        const { told$, fanOut } = observed({ lingerMs });
        expectObservable(told$).toBe(expected);
        expectObservable(fanOut.stream('a'), first).toBe('-');
        expectObservable(fanOut.stream('a'), second).toBe('-');
      }),
    );

    it('gives a subscriber what onOpen throws, closes again, and leaves the others alone', () => {
      const log: string[] = [];
      const fanOut = createFanOut<string>({
        onOpen: (topic) => {
          if (topic === 'a') throw new Error('mine');
        },
        onClose: (topic) => log.push(`close ${String(topic)}`),
      });
      const whole = listen(fanOut.stream());
      expect(listen(fanOut.stream('a')).heard).toStrictEqual(['error mine']);
      fanOut.next('1', 'a');
      expect([whole.heard, log, fanOut.topics]).toStrictEqual([['1'], ['close a'], [undefined]]);
    });

    it(
      'reports what onClose throws, and closes the others all the same',
      marbles(({ flush }) => {
        const reported: unknown[] = [];
        config.onUnhandledError = (error) => reported.push(error);
        const fault = new Error('mine');
        const fanOut = createFanOut<string>({
          onClose: () => {
            throw fault;
          },
        });
        const topics = [listen(fanOut.stream('a')), listen(fanOut.stream('b'))];
        const left = fanOut.stream('c').subscribe();
        left.unsubscribe();
        fanOut.complete();
        flush();
        config.onUnhandledError = null;
        expect(topics.map(({ heard }) => heard)).toStrictEqual([['complete'], ['complete']]);
        expect(reported).toStrictEqual([fault, fault, fault]);
      }),
    );
  });

  describe('ends', () => {
    it('CLO-11 a subscription after complete or error starts anew', () => {
      const { log, fanOut } = logged();
      const first = listen(fanOut.stream('a'));
      fanOut.complete();
      const second = listen(fanOut.stream('a'));
      fanOut.next('1', 'a');
      fanOut.error(new Error('over'));
      const third = listen(fanOut.stream('a'));
      fanOut.next('2', 'a');
      expect([first.heard, second.heard, third.heard]).toStrictEqual([
        ['complete'],
        ['1', 'error over'],
        ['2'],
      ]);
      expect(log).toStrictEqual(['open a', 'close a', 'open a', 'close a', 'open a']);
    });

    it('SUB-04 a stream can be repeated and retried: it is closed before it opens again', () => {
      const { log, fanOut } = logged();
      const { heard, subscription } = listen(fanOut.stream('a').pipe(repeat(), retry()));
      fanOut.next('1', 'a');
      fanOut.complete();
      fanOut.next('2', 'a');
      fanOut.error(new Error('over'));
      fanOut.next('3', 'a');
      fanOut.errorTopic('a', new Error('refused'));
      fanOut.next('4', 'a');
      subscription.unsubscribe();
      expect(heard).toStrictEqual(['1', '2', '3', '4']);
      expect(log).toStrictEqual(Array.from({ length: 4 }, () => ['open a', 'close a']).flat());
    });

    it('tells once of a topic that its last subscriber leaves while another is ended', () => {
      const { log, fanOut } = logged();
      const other: Subscription[] = [];
      fanOut.stream('a').subscribe({ error: noop, complete: () => other[0]?.unsubscribe() });
      other.push(fanOut.stream('b').subscribe());
      fanOut.complete();
      expect(log).toStrictEqual(['open a', 'open b', 'close a', 'close b']);
    });

    it('an error of one topic reaches its subscribers and nobody else', () => {
      const { log, fanOut } = logged();
      const [whole, a, b] = [listen(fanOut.stream()), listen(fanOut.stream('a')), listen(fanOut.stream('b'))];
      fanOut.errorTopic('a', new Error('refused'));
      fanOut.errorTopic('unknown', new Error('refused'));
      expect([whole.heard, a.heard, b.heard]).toStrictEqual([[], ['error refused'], []]);
      expect(log).toStrictEqual(['open *', 'open a', 'open b', 'close a']);
    });

    it('an error of the whole stream spares its topics', () => {
      const fanOut = createFanOut<string>();
      const [whole, a] = [listen(fanOut.stream()), listen(fanOut.stream('a'))];
      fanOut.errorTopic(undefined, new Error('refused'));
      fanOut.next('1', 'a');
      expect([whole.heard, a.heard]).toStrictEqual([['error refused'], ['1']]);
    });

    it('a topic refused while it opens errors its subscriber', () => {
      const fanOut: FanOut<string> = createFanOut<string>({
        onOpen: (topic) => fanOut.errorTopic(topic, new Error('refused')),
      });
      expect(listen(fanOut.stream('a')).heard).toStrictEqual(['error refused']);
      expect(fanOut.topics).toStrictEqual([]);
    });

    it('ERR-07 ends once: a completion after the error is not seen', () => {
      const fanOut = createFanOut<string>();
      const { heard } = listen(fanOut.stream('a'));
      fanOut.error(new Error('over'));
      fanOut.complete();
      expect(heard).toStrictEqual(['error over']);
    });

    describe('on the clock of the platform', () => {
      beforeEach(() => jest.useFakeTimers());
      afterEach(() => jest.useRealTimers());

      it('a lingerMs of Infinity stays open until the end, without a timer', () => {
        const { log, fanOut } = logged({ lingerMs: Infinity });
        fanOut.stream('a').subscribe().unsubscribe();
        expect(jest.getTimerCount()).toBe(0);
        fanOut.stream('a').subscribe().unsubscribe();
        expect(log).toStrictEqual(['open a']);
        fanOut.complete();
        expect(log).toStrictEqual(['open a', 'close a']);
      });

      it.each([
        ['complete', (fanOut: FanOut<string>) => fanOut.complete()],
        ['error', (fanOut: FanOut<string>) => fanOut.error(new Error('over'))],
      ])('TDN-08 %s leaves no timer, and closes each topic once, lingering or listened to', (_, end) => {
        const { log, fanOut } = logged({ lingerMs: 1_000 });
        fanOut.stream('lingers').subscribe().unsubscribe();
        listen(fanOut.stream('heard'));
        expect(jest.getTimerCount()).toBe(1);
        end(fanOut);
        expect(jest.getTimerCount()).toBe(0);
        expect(log).toStrictEqual(['open lingers', 'open heard', 'close lingers', 'close heard']);
      });
    });
  });

  describe('replay', () => {
    it('gives late subscribers the last values, of the stream and of the topic', () => {
      const fanOut = createFanOut<string>({ replay: 2 });
      listen(fanOut.stream());
      listen(fanOut.stream('a'));
      for (const value of ['a1', 'b1', 'a2', 'b2', 'a3']) fanOut.next(value, value.charAt(0));
      expect(listen(fanOut.stream()).heard).toStrictEqual(['b2', 'a3']);
      expect(listen(fanOut.stream('a')).heard).toStrictEqual(['a2', 'a3']);
    });

    it('remembers a stream, and a topic, that nobody listened to yet', () => {
      const fanOut = createFanOut<string>({ replay: 1 });
      fanOut.next('1', 'a');
      fanOut.next('2', 'b');
      const [whole, topic] = [listen(fanOut.stream()), listen(fanOut.stream('a'))];
      fanOut.next('3', 'a');
      expect([whole.heard, topic.heard]).toStrictEqual([
        ['2', '3'],
        ['1', '3'],
      ]);
    });

    it('opens nothing, waits for nothing and forgets nothing when the values kept are enough', () => {
      const { log, fanOut } = logged({ replay: 5, lingerMs: 1_000 });
      for (const value of ['1', '2', '3', '4', '5']) fanOut.next(value, 'a');
      for (const topic of ['a', 'a', undefined, undefined]) {
        expect(listen(fanOut.stream(topic).pipe(take(3))).heard).toStrictEqual(['1', '2', '3', 'complete']);
      }
      expect([log, fanOut.topics]).toStrictEqual([[], []]);
    });

    it('hands the last values over before what is sent meanwhile', () => {
      const fanOut = createFanOut<string>({ replay: 2 });
      fanOut.next('1');
      fanOut.next('2');
      const heard: string[] = [];
      onEach(fanOut.stream(), (value) => {
        heard.push(value);
        if (value === '1') fanOut.next('3');
      });
      expect(heard).toStrictEqual(['1', '2', '3']);
    });

    it('opens nothing for a subscriber that is ended while it gets the last values', () => {
      const { log, fanOut } = logged({ replay: 1 });
      fanOut.next('1', 'a');
      const heard: string[] = [];
      fanOut.stream('a').subscribe({
        next: (value) => {
          heard.push(value);
          fanOut.complete();
        },
        error: noop,
        complete: () => heard.push('complete'),
      });
      expect([heard, log, fanOut.topics]).toStrictEqual([['1', 'complete'], [], []]);
    });

    it('keeps maxTopics topics that nobody listens to, and forgets the one least recently fed', () => {
      const fanOut = createFanOut<string>({ replay: 1, maxTopics: 2 });
      for (const topic of ['a', 'b', 'a', 'c']) fanOut.next(topic, topic);
      expect(['a', 'b', 'c'].map((topic) => listen(fanOut.stream(topic)).heard)).toStrictEqual([
        ['a'],
        [],
        ['c'],
      ]);
    });

    it('never forgets a topic that somebody listens to', () => {
      const fanOut = createFanOut<string>({ replay: 1, maxTopics: 1 });
      const { heard } = listen(fanOut.stream('a'));
      for (const topic of ['a', 'b', 'c', 'a']) fanOut.next(topic, topic);
      expect(heard).toStrictEqual(['a', 'a']);
    });

    it('forgets a topic when it closes: what comes later might be long out of date', () => {
      const fanOut = createFanOut<string>({ replay: 1 });
      fanOut.next('1', 'a');
      const { heard, subscription } = listen(fanOut.stream('a'));
      fanOut.next('2', 'a');
      subscription.unsubscribe();
      expect(heard).toStrictEqual(['1', '2']);
      expect(listen(fanOut.stream('a')).heard).toStrictEqual([]);
    });

    it('forgets the stream, and the topics it alone kept flowing, when the whole stream closes', () => {
      const fanOut = createFanOut<string>({ replay: 1 });
      const { subscription } = listen(fanOut.stream());
      listen(fanOut.stream('b'));
      fanOut.next('1', 'a');
      fanOut.next('2', 'b');
      subscription.unsubscribe();
      const late = [undefined, 'a', 'b'].map((topic) => listen(fanOut.stream(topic)).heard);
      expect(late).toStrictEqual([[], [], ['2']]);
    });

    it('forgets everything at the end', () => {
      const fanOut = createFanOut<string>({ replay: 1 });
      listen(fanOut.stream('a'));
      fanOut.next('1', 'a');
      fanOut.next('2', 'b');
      fanOut.complete();
      const late = [undefined, 'a', 'b'].map((topic) => listen(fanOut.stream(topic)).heard);
      expect(late).toStrictEqual([[], [], []]);
    });
  });

  it('opens and closes each topic in turn and loses nothing, whatever the subscribers do', () => {
    const topic = fc.constantFrom(undefined, 'a', 'b');
    const step = fc.record({
      waitMs: fc.nat(5),
      act: fc.constantFrom(
        'come',
        'come',
        'leave',
        'leave',
        'next',
        'next',
        'errorTopic',
        'complete',
        'error',
      ),
      topic,
      nth: fc.nat(9),
    });

    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 7), (steps, lingerMs) => {
        marbles(({ flush }) => {
          const { log, fanOut } = logged({ lingerMs });
          const here: { readonly topic: string | undefined; readonly heard: string[]; leave: () => void }[] =
            [];
          const owed: string[][] = [];
          const heards: string[][] = [];
          const present = new Set<number>();
          const endPresent = (line: string, isMeant: (of: string | undefined) => boolean): void => {
            for (const n of [...present].filter((each) => isMeant(here[each]!.topic))) {
              owed[n]!.push(line);
              present.delete(n);
            }
          };

          const play = ({ act, topic, nth }: (typeof steps)[number], n: number): void => {
            if (act === 'come') {
              const { heard, subscription } = listen(fanOut.stream(topic));
              here.push({ topic, heard, leave: () => subscription.unsubscribe() });
              present.add(owed.push([]) - 1);
              heards.push(heard);
            } else if (act === 'leave') {
              here[nth]?.leave();
              present.delete(nth);
            } else if (act === 'next') {
              fanOut.next(`${n}`, topic);
              for (const each of present) {
                const of = here[each]!.topic;
                if (of === undefined || of === topic) owed[each]!.push(`${n}`);
              }
            } else if (act === 'errorTopic') {
              fanOut.errorTopic(topic, new Error('refused'));
              endPresent('error refused', (of) => of === topic);
            } else if (act === 'complete') {
              fanOut.complete();
              endPresent('complete', () => true);
            } else {
              fanOut.error(new Error('over'));
              endPresent('error over', () => true);
            }
            expect(heards).toStrictEqual(owed);
            for (const each of present) expect(fanOut.topics).toContain(here[each]!.topic);
          };

          const faults: unknown[] = [];
          let at = 0;
          steps.forEach((each, n) => {
            timer((at += each.waitMs))
              .pipe(tap(() => play(each, n)))
              .subscribe({ error: (fault: unknown) => faults.push(fault) });
          });
          flush();
          fanOut.complete();

          expect(faults).toStrictEqual([]);
          expect(fanOut.topics).toStrictEqual([]);
          for (const of of ['*', 'a', 'b']) {
            const told = log.filter((line) => line.endsWith(` ${of}`));
            expect(told.map((line) => line.split(' ')[0])).toStrictEqual(
              Array.from(told, (_, n) => (n % 2 === 0 ? 'open' : 'close')),
            );
            expect(told.length % 2).toBe(0);
          }
        })();
      }),
    );
  });

  it.each([
    [{ replay: -1 }, 'replay must be an integer of 0 or more, got -1'],
    [{ replay: 1.5 }, 'replay must be an integer of 0 or more, got 1.5'],
    [{ replay: Infinity }, 'replay must be an integer of 0 or more, got Infinity'],
    [{ lingerMs: -1 }, 'lingerMs must be from 0 to 2147483647, or Infinity, got -1'],
    [{ lingerMs: NaN }, 'lingerMs must be from 0 to 2147483647, or Infinity, got NaN'],
    [{ lingerMs: 2 ** 31 }, 'lingerMs must be from 0 to 2147483647, or Infinity, got 2147483648'],
    [{ maxTopics: 0 }, 'maxTopics must be an integer above 0, got 0'],
    [{ maxTopics: Infinity }, 'maxTopics must be an integer above 0, got Infinity'],
  ])('refuses %p', (options, fault) => {
    expect(() => createFanOut(options)).toThrow(new RangeError(`createFanOut: ${fault}`));
  });

  it('refuses a misspelt option, which would do nothing', () => {
    const options = { lingerMS: 5 } as FanOutConfig;

    expect(() => createFanOut(options)).toThrow(
      new TypeError('createFanOut: there is no option lingerMS; did you mean lingerMs?'),
    );
  });

  it('lists, and ends, the whole stream and its topics in the order they were opened', () => {
    const fanOut = createFanOut<string>();
    const ended: (string | undefined)[] = [];
    for (const topic of ['a', undefined, 'b'])
      fanOut.stream(topic).subscribe({ complete: () => ended.push(topic) });
    expect(fanOut.topics).toStrictEqual(['a', undefined, 'b']);
    fanOut.complete();
    expect(ended).toStrictEqual(['a', undefined, 'b']);
  });

  it('hands out only what it was made for', () => {
    const fanOut = createFanOut<string>();
    // @ts-expect-error a fan-out of strings takes no number
    fanOut.next(1);
    expect(fanOut.topics).toStrictEqual([]);
  });
});
