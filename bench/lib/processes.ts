import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** A process that said it was ready, and goes on. */
export interface Serving<T> {
  /** What it said. */
  readonly ready: T;
  readonly stop: () => Promise<void>;
}

/** Starts a program that prints one line of JSON when it is ready, and ends when its input does. */
export async function startServer<T>(program: string, task: unknown): Promise<Serving<T>> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      ready: JSON.parse(line) as T,
      stop: async () => {
        child.stdin.end();
        await ended;
      },
    };
  }
  throw new Error(`${program} ended before it was ready`);
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
      timeout: 120_000,
      killSignal: 'SIGKILL',
    },
  );
  return JSON.parse(stdout) as T;
}
