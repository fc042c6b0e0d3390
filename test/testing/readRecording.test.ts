import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording, RecordingError } from '../../src/testing/readRecording.js';

describe('readRecording', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recording-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (lines: readonly unknown[], end = '\n'): Promise<string> => {
    const file = join(folder, 'recording.ndjson');
    await writeFile(
      file,
      lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join(end),
    );
    return file;
  };

  it.each(['\n', '\r\n'])('reads the frames of the server, one a line ending in %j', async (end) => {
    const file = await write(
      [
        { t: 1.5, dir: 'in', raw: 'a' },
        { t: 2, dir: 'out', raw: 'subscribe' },
        '',
        { t: 3, dir: 'rest', raw: '{}' },
        { t: 4, dir: 'in', raw: 'AP+A', enc: 'base64' },
        '',
      ],
      end,
    );

    expect(await readRecording(file)).toStrictEqual([
      { dueMs: 1.5, data: 'a' },
      { dueMs: 4, data: Buffer.from([0, 255, 128]) },
    ]);
  });

  it('gives a frame without a time, or with an earlier one, the time of the one before', async () => {
    const times = [null, 5, null, 1, 7];
    const frames = await readRecording(await write(times.map((t) => ({ t, dir: 'in', raw: 'a' }))));

    expect(frames.map(({ dueMs }) => dueMs)).toStrictEqual([0, 5, 5, 5, 7]);
  });

  it('reads an empty file as no frames', async () => {
    expect(await readRecording(await write([]))).toStrictEqual([]);
  });

  it.each([
    ['not JSON', 'not JSON', '{"t":0,'],
    ['no frame', 'frame: ', '42'],
    ['no direction', 'dir: ', { t: 0, raw: 'a' }],
    ['an unknown direction', 'dir: ', { t: 0, dir: 'up', raw: 'a' }],
    ['no time', 't: ', { dir: 'in', raw: 'a' }],
    ['a negative time', 't: ', { t: -1, dir: 'in', raw: 'a' }],
    ['no payload', 'raw must be', { t: 0, dir: 'in' }],
    ['a payload that is no base64', 'raw: ', { t: 0, dir: 'in', raw: '**', enc: 'base64' }],
    ['an unknown encoding', 'raw must be', { t: 0, dir: 'in', raw: 'a', enc: 'gzip' }],
  ])('names file and line of a line with %s', async (_, problem, line) => {
    const file = await write([{ t: 0, dir: 'in', raw: 'a' }, line]);
    const error: unknown = await readRecording(file).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(RecordingError);
    expect(error).toMatchObject({ name: 'RecordingError', file, line: 2 });
    expect((error as Error).message).toContain(`${file}, line 2: `);
    expect((error as Error).message).toContain(problem);
  });

  it('names a file that cannot be read, with its cause', async () => {
    const file = join(folder, 'absent.ndjson');

    await expect(readRecording(file)).rejects.toMatchObject({
      name: 'RecordingError',
      file,
      line: undefined,
      cause: { code: 'ENOENT' },
    });
  });
});
