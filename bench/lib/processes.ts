import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

/** How long a client may take for what is asked of it, ms. */
const patienceMs = 120_000;

/** A process that is spoken with, in lines of JSON. */
export interface Partner {
  /** What it says next. Rejects if it ends first, or takes two minutes. */
  readonly hear: <T>() => Promise<T>;
  /** Ends it, if it goes on; resolves when it is gone. */
  readonly kill: () => Promise<void>;
}

const listenTo = (program: string, child: ChildProcess & { readonly stdout: Readable }): Partner => {
  const ended = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    hear: async <T>() => {
      const patience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      const line = await lines.next();
      clearTimeout(patience);
      if (line.done === true) throw new Error(`${program} ended before it said what it was asked for`);
      return JSON.parse(line.value) as T;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};

/**
 * Starts a program that says what it found, a line of JSON each time.
 *
 * @param nodeArgs Options for Node, such as `--cpu-prof`.
 */
export const startClient = (program: string, task: unknown, nodeArgs: readonly string[] = []): Partner =>
  listenTo(
    program,
    spawn(process.execPath, [...nodeArgs, program, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );

/** A process that said it was ready, and goes on. */
export interface Serving<T> {
  /** What it said. */
  readonly ready: T;
  /** Tells it something, in a line of JSON. */
  readonly say: (order: unknown) => void;
  readonly stop: () => Promise<void>;
}

/** Starts a program that prints one line of JSON when it is ready, and ends when its input does. */
export async function startServer<T>(program: string, task: unknown): Promise<Serving<T>> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const ready = await listenTo(program, child).hear<T>();
  return {
    ready,
    say: (order) => child.stdin.write(`${JSON.stringify(order)}\n`),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * Runs a program to its end, and reads the one line of JSON it prints.
 *
 * @param nodeArgs Options for Node, such as `--cpu-prof`.
 */
export async function runClient<T>(
  program: string,
  task: unknown,
  nodeArgs: readonly string[] = [],
): Promise<T> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeArgs, program, JSON.stringify(task)],
    {
      timeout: patienceMs,
      killSignal: 'SIGKILL',
    },
  );
  return JSON.parse(stdout) as T;
}
