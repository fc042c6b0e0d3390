/**
 * `npm start`: watches a feed. Without a url, one on a simulated exchange that misbehaves on a schedule; with a url, one on any
 * server. A live table on a terminal, plain lines anywhere else. `npm start -- --help` lists the options.
 */
import { isBalanced } from 'millrace';
import {
  asyncScheduler,
  BehaviorSubject,
  combineLatest,
  filter,
  firstValueFrom,
  fromEvent,
  ignoreElements,
  interval,
  map,
  merge,
  NEVER,
  type Observable,
  ReplaySubject,
  scan,
  share,
  startWith,
  Subject,
  takeUntil,
  throttleTime,
  timer,
} from 'rxjs';
import { parseOptions, usage, UsageError, type WatchOptions } from './watch/args.js';
import { describeError } from './watch/describeEvent.js';
import { type LogEntry, logLine, toLog } from './watch/log.js';
import { paint } from './watch/paint.js';
import { type Sample, samples } from './watch/rates.js';
import { remote } from './watch/remote.js';
import { simulated } from './watch/simulated.js';
import { emptyTally, tally } from './watch/tally.js';
import { toTerminal } from './watch/toTerminal.js';
import { blockOf, screenOf, summaryOf, type View } from './watch/view.js';

const LOG_LINES = 10;

const { stdout, stderr, env } = process;
const isTerminal = stdout.isTTY && env['TERM'] !== 'dumb';
const colour = isTerminal && (env['NO_COLOR'] ?? '') === '';
// Some terminals say 0 × 0 when they do not know.
const look = () => ({
  width: stdout.isTTY ? stdout.columns || 80 : Infinity,
  height: isTerminal ? stdout.rows || 24 : Infinity,
  colour,
});
const print = (lines: readonly string[]): void =>
  void stdout.write(lines.map((line) => `${line}\n`).join(''));

/** How often Ctrl-C was pressed: once is told twice by `npm`, which passes on to its child what the terminal sent it already. */
const interrupts$ = new BehaviorSubject(0);
merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'))
  .pipe(
    throttleTime(500),
    scan((times) => times + 1, 0),
  )
  .subscribe(interrupts$);
const pressed = (atLeast: number): Observable<number> =>
  interrupts$.pipe(filter((times) => times >= atLeast));

/** Watches until told to stop; returns the exit code. */
async function watch(options: WatchOptions): Promise<number> {
  const { url, seconds } = options;
  const watched = url === undefined ? await simulated(options) : remote({ ...options, url });
  const { feed } = watched;
  const startedAt = asyncScheduler.now();
  const closed$ = new Subject<void>();
  const untilClosed = <T>(source$: Observable<T>): Observable<T> => source$.pipe(takeUntil(closed$));
  const failed$ = new ReplaySubject<string>(1);
  const error = (cause: unknown): void => failed$.next(describeError(cause));

  // What there is to show.
  const events$ = feed.events$.pipe(untilClosed, share());
  const log$ = events$.pipe(toLog(), share());
  const view$ = combineLatest({
    status: feed.status$.pipe(untilClosed),
    counted: events$.pipe(scan(tally, emptyTally), startWith(emptyTally)),
    log: log$.pipe(
      scan((log: readonly LogEntry[], entry) => [...log, entry].slice(-LOG_LINES), []),
      startWith([]),
    ),
    kept: interval(500).pipe(
      map((): Sample => ({ at: asyncScheduler.now(), totals: watched.totals() })),
      scan(samples, []),
      startWith([]),
      untilClosed,
    ),
    latencyMs: watched.latency$.pipe(startWith(undefined), untilClosed),
  });
  let view = (): View => {
    throw new Error('a feed has a status from the start');
  };
  let happened = emptyTally;
  view$.subscribe({
    next: ({ counted, kept, ...rest }) => {
      happened = counted;
      view = () => ({
        ...rest,
        title: watched.title,
        startedAt,
        now: asyncScheduler.now(),
        rows: watched.rows(kept, counted),
        note: watched.note(),
        counts: feed.stats(),
      });
    },
    error,
  });

  // How it is shown.
  const screens$ = merge(timer(0, 250), fromEvent(stdout, 'resize')).pipe(
    map(() => screenOf(view(), look())),
    untilClosed,
    toTerminal(stdout),
    ignoreElements(),
  );
  const lines$ = merge(
    log$.pipe(map((entry) => [paint(logLine(entry, startedAt), look())])),
    timer(1_000, 2_000).pipe(
      map(() => ['', ...blockOf(view(), look()), '']),
      untilClosed,
    ),
  );
  (isTerminal ? screens$ : lines$).subscribe({ next: print, error });

  // The run itself.
  const values = watched.values$.subscribe({
    error: (cause: unknown) => failed$.next(`the feed gave up: ${describeError(cause)}`),
  });
  const complaint = await firstValueFrom(
    merge(
      failed$,
      merge(pressed(1), seconds === undefined ? NEVER : timer(seconds * 1000)).pipe(map(() => undefined)),
    ),
    { defaultValue: undefined },
  );
  const impatience = pressed(2).subscribe({ next: () => process.exit(130), error });
  await watched.close();
  values.unsubscribe();
  closed$.next();
  impatience.unsubscribe();

  print(['', ...summaryOf(view(), happened, look())]);
  if (complaint !== undefined) stderr.write(`${complaint}\n`);
  return complaint === undefined && isBalanced(feed.stats()) ? 0 : 1;
}

// Whoever reads us may leave early (`npm start | head`).
stdout.on('error', () => process.exit(0));
try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') stdout.write(usage);
  else process.exitCode = await watch(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  stderr.write(`${error.message}\nnpm start -- --help lists the options.\n`);
  process.exitCode = 2;
}
