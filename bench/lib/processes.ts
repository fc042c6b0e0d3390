import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** How long a client may take for what is asked of it, ms. */
const patienceMs = 120_000;

/** A process that is spoken with, in lines of JSON. */
export interface Partner {
  readonly say: (line: unknown) => void;
  /** What it says next. Rejects if it ends first, or takes two minutes. */
  readonly hear: <T>() => Promise<T>;
  /** It is gone. */
  readonly ended: Promise<unknown>;
  /** Ends it; without effect on one that is gone. */
  readonly kill: () => void;
}

/**
 * Starts a program that is told things and says what it found. It is to end when its input does.
 *
 * @param nodeArgs Options for Node, such as `--cpu-prof`.
 */
export function startPartner(program: string, task: unknown, nodeArgs: readonly string[] = []): Partner {
  const child = spawn(process.execPath, [...nodeArgs, program, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close').catch(() => undefined); // one that never began has nothing to say
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on('error', () => undefined); // it is gone, which `hear` tells
  return {
    ended,
    say: (line) => child.stdin.write(`${JSON.stringify(line)}\n`),
    hear: async <T>() => {
      let isLate = false as boolean;
      const patience = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
      }, patienceMs);
      const line = await lines.next();
      clearTimeout(patience);
      if (line.done !== true) return JSON.parse(line.value) as T;
      throw new Error(isLate ? `${program} took more than ${patienceMs} ms` : `${program} ended too early`);
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** A process that said it was ready, and goes on. */
export interface Serving<T> {
  /** What it said. */
  readonly ready: T;
  readonly say: Partner['say'];
  readonly stop: () => Promise<void>;
}

/** Starts a program that prints one line of JSON when it is ready. */
export async function startServer<T>(program: string, task: unknown): Promise<Serving<T>> {
  const { hear, say, kill, ended } = startPartner(program, task);
  return {
    ready: await hear<T>(),
    say,
    stop: async () => {
      kill();
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
