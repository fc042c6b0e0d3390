import { readFile } from 'node:fs/promises';
import * as v from 'valibot';

/** A recording cannot be served; the message says which line and why. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  /** @param line Counted from 1; `undefined` if it is the file as a whole. */
  constructor(
    readonly file: string,
    readonly line: number | undefined,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`recording ${file}${line === undefined ? '' : `, line ${line}`}: ${problem}`, options);
  }
}

const Text = v.object({ raw: v.string(), enc: v.optional(v.undefined()) });
const Binary = v.object({ raw: v.pipe(v.string(), v.base64()), enc: v.literal('base64') });
const Line = v.intersect([
  v.object({ t: v.nullable(v.pipe(v.number(), v.minValue(0))), dir: v.picklist(['in', 'out', 'rest']) }),
  v.union([Text, Binary], 'raw must be a string, and base64 where enc is "base64"'),
]);

/** One frame the recorded server sent. */
export interface RecordedFrame {
  /** Milliseconds since the recorded connection opened. */
  readonly dueMs: number;
  readonly data: string | Buffer;
}

/**
 * Reads what the recorded server sent: one JSON object a line, `{ t, dir, raw, enc? }`.
 *
 * @throws {RecordingError} Rejects, if the file cannot be read or a line is not a frame.
 */
export async function readRecording(file: string): Promise<readonly RecordedFrame[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new RecordingError(file, undefined, 'cannot be read', { cause });
  });
  const frames: RecordedFrame[] = [];
  let dueMs = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const { t, dir, raw, enc } = parseLine(file, index + 1, line);
    if (dir !== 'in') continue;
    dueMs = Math.max(dueMs, t ?? 0);
    frames.push({ dueMs, data: enc === undefined ? raw : Buffer.from(raw, 'base64') });
  }
  return frames;
}

function parseLine(file: string, line: number, text: string): v.InferOutput<typeof Line> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecordingError(file, line, 'not JSON', { cause });
  }
  const { success, output, issues } = v.safeParse(Line, value);
  if (success) return output;
  const [issue] = issues;
  throw new RecordingError(file, line, `${v.getDotPath(issue) ?? 'frame'}: ${issue.message}`);
}
