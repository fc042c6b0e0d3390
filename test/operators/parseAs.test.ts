import { EMPTY, NEVER, type Observable, of, range, Subject, take, throwError } from 'rxjs';
import * as v from 'valibot';
import { misfit } from '../../src/operators/compileSchema.js';
import { parseAs, Parser, prepareSchema } from '../../src/operators/parseAs.js';
import { marbles } from '../marbles.js';

const Trade = v.object({ price: v.pipe(v.string(), v.transform(Number)) });
const good = { price: '1.5' };
const bad = { price: 1.5 };
const failure = new Error('failure');

/** A schema whose own code throws. */
const Throwing = v.pipe(
  v.number(),
  v.check((n) => {
    if (n === 2) throw new Error('boom');
    return true;
  }),
);

describe('parseAs', () => {
  it(
    'emits the output of the schema and leaves misfits out',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -g-b-g-|', { g: good, b: bad });
      const subs = '        ^------!';
      const expected = '    -t---t-|';

      expectObservable(source.pipe(parseAs(Trade))).toBe(expected, { t: { price: 1.5 } });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it('ERR-01 tells of each misfit with what valibot says, and goes on', () => {
    const onReject = jest.fn<undefined, [unknown, unknown]>();
    const seen: unknown[] = [];
    of(bad, good)
      .pipe(parseAs(Trade, { onReject }))
      .subscribe((trade) => seen.push(trade));

    expect(seen).toStrictEqual([{ price: 1.5 }]);
    expect(onReject.mock.calls).toStrictEqual([
      [bad, [expect.objectContaining({ kind: 'schema', received: '1.5' })]],
    ]);
  });

  it('lets undefined through where the schema allows it', () => {
    const seen: unknown[] = [];
    of(undefined)
      .pipe(parseAs(v.undefined()))
      .subscribe((value) => seen.push(value));
    expect(seen).toStrictEqual([undefined]);
  });

  it(
    'errors with what the schema throws',
    marbles(({ cold, expectObservable }) => {
      const source = cold('-1-2-3', { 1: 1, 2: 2, 3: 3 });
      const expected = '   -1-#  ';
      expectObservable(source.pipe(parseAs(Throwing))).toBe(expected, { 1: 1 }, new Error('boom'));
    }),
  );

  it(
    'goes on after a schema that throws, where onError takes the error',
    marbles(({ cold, expectObservable, flush }) => {
      const onError = jest.fn<undefined, [unknown, unknown]>();
      const source = cold('-1-2-3', { 1: 1, 2: 2, 3: 3 });
      const expected = '   -1---3';
      expectObservable(source.pipe(parseAs(Throwing, { onError }))).toBe(expected, { 1: 1, 3: 3 });
      flush();
      expect(onError.mock.calls).toStrictEqual([[2, new Error('boom')]]);
    }),
  );

  it.each(['onReject', 'onError'] as const)('errors when %s throws', (option) => {
    const thrown = new Error('callback');
    const error = jest.fn();
    const message = option === 'onReject' ? 'no number' : 2;
    const config = {
      [option]: () => {
        throw thrown;
      },
    };
    of(message).pipe(parseAs(Throwing, config)).subscribe({ error });
    expect(error.mock.calls).toStrictEqual([[thrown]]);
  });

  it(
    'never emits, completes and errors as its source does',
    marbles(({ expectObservable }) => {
      const parsed = (source: Observable<unknown>) => source.pipe(parseAs(Trade));
      expectObservable(parsed(NEVER)).toBe('-');
      expectObservable(parsed(EMPTY)).toBe('|');
      expectObservable(parsed(throwError(() => failure))).toBe('#', undefined, failure);
    }),
  );

  it(
    'leaves its source when it is left',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -g-g-g-', { g: good });
      const unsub = '       ----!';
      const expected = '    -t-t-';
      expectObservable(source.pipe(parseAs(Trade)), unsub).toBe(expected, { t: { price: 1.5 } });
      expectSubscriptions(source.subscriptions).toBe('^---!');
    }),
  );

  it('stops a synchronous source', () => {
    const seen: number[] = [];
    const pulled = jest.fn((value: unknown) => value);
    range(0, 1e9)
      .pipe(
        parseAs(
          v.pipe(
            v.number(),
            v.transform((n) => pulled(n) as number),
          ),
        ),
        take(3),
      )
      .subscribe((n) => seen.push(n));
    expect(seen).toStrictEqual([0, 1, 2]);
    expect(pulled).toHaveBeenCalledTimes(3);
  });

  it('serves a second subscription like the first', () => {
    const source$ = new Subject<unknown>();
    const parsed$ = source$.pipe(parseAs(Trade));
    const seen: unknown[] = [];
    parsed$.subscribe((trade) => seen.push(trade));
    parsed$.subscribe((trade) => seen.push(trade));
    source$.next(good);
    expect(seen).toStrictEqual([{ price: 1.5 }, { price: 1.5 }]);
  });

  it.each([
    ['undefined', undefined, 'parseAs: schema must be a valibot schema, got undefined'],
    ['a function', () => true, 'parseAs: schema must be a valibot schema, got function'],
    ['an action', v.minLength(1), 'parseAs: schema must be a valibot schema, got object'],
    ['asynchronous', v.objectAsync({}), 'parseAs: schema must be synchronous, got an async object'],
  ])('refuses a schema that is %s', (_what, schema, message) => {
    expect(() => parseAs(schema as never)).toThrow(new TypeError(message));
  });

  it('infers the output, and refuses an asynchronous schema in the types', () => {
    const trades$: Observable<{ price: number }> = of(good).pipe(parseAs(Trade));
    // @ts-expect-error -- price is a number once parsed
    const wrong$: Observable<{ price: string }> = of(good).pipe(parseAs(Trade));
    expect([trades$, wrong$]).toHaveLength(2);
  });
});

describe('Parser', () => {
  it('is parseAs for one message', () => {
    const onReject = jest.fn<undefined, [unknown, unknown]>();
    const parser = new Parser(Trade, { onReject });
    expect(parser.parse(good)).toStrictEqual({ price: 1.5 });
    expect(onReject).not.toHaveBeenCalled();
    expect(parser.parse(bad)).toBe(misfit);
    expect(onReject.mock.calls).toStrictEqual([[bad, v.safeParse(Trade, bad).issues]]);
  });

  it('tells onError of what the schema throws, and throws it where there is none', () => {
    const onError = jest.fn<undefined, [unknown, unknown]>();
    expect(new Parser(Throwing, { onError }).parse(2)).toBe(misfit);
    expect(onError.mock.calls).toStrictEqual([[2, new Error('boom')]]);
    expect(() => new Parser(Throwing).parse(2)).toThrow('boom');
  });

  it.each(['onReject', 'onError'] as const)('throws what %s throws, and tells nobody else', (option) => {
    const thrown = new Error('callback');
    const other = jest.fn();
    const hooks = {
      onReject: other,
      onError: other,
      [option]: () => {
        throw thrown;
      },
    };
    expect(() => new Parser(Throwing, hooks).parse(option === 'onReject' ? 'no number' : 2)).toThrow(thrown);
    expect(other).not.toHaveBeenCalled();
  });

  it('takes the word of valibot, should it accept at a second look', () => {
    let looks = 0;
    const parser = new Parser(
      v.pipe(
        v.number(),
        v.check(() => (looks += 1) > 1),
      ),
    );
    expect(parser.parse(7)).toBe(7);
  });

  it('asks valibot about the message as it came, whatever a schema does with what is handed on', () => {
    const schema = v.pipe(
      v.object({ n: v.number() }),
      v.transform((count) => Object.assign(count, { n: count.n + 1 })),
      v.check(({ n }) => n !== 2),
    );
    const onReject = jest.fn();

    expect(new Parser(schema, { onReject }, true).parse({ n: 1 })).toBe(misfit);
    expect(onReject).toHaveBeenCalledTimes(1);
  });

  it('takes the symbol misfit for no message', () => {
    const [onReject, onError] = [jest.fn(), jest.fn()];
    expect(new Parser(Trade, { onReject }).parse(misfit)).toBe(misfit);
    expect(onReject).toHaveBeenCalledTimes(1);
    expect(new Parser(v.unknown(), { onReject, onError }).parse(misfit)).toBe(misfit);
    expect(onReject).toHaveBeenCalledTimes(1);
    expect(onError.mock.calls).toStrictEqual([
      [misfit, new TypeError('parseAs: schema must not put out the symbol misfit')],
    ]);
  });

  it('asks a schema that is left to valibot but once', () => {
    const check = jest.fn(() => false);
    const schema = v.message(v.pipe(v.number(), v.check(check)), 'no');
    expect(new Parser(schema).parse(7)).toBe(misfit);
    expect(check).toHaveBeenCalledTimes(1);
  });
});

describe('prepareSchema', () => {
  it('refuses what Parser refuses, and nothing else', () => {
    expect(() => prepareSchema(Trade)).not.toThrow();
    expect(() => prepareSchema(7 as never)).toThrow(
      new TypeError('parseAs: schema must be a valibot schema, got number'),
    );
  });
});
