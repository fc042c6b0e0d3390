import type { GenericSchema } from 'valibot';
import { compileReader, type Reader, surprise } from './compileReader.js';

/** How often the readers were of use. */
export interface ReaderStats {
  /** Texts read without `JSON.parse`. */
  readonly read: number;
  /** Texts that no reader knew; those that none was asked about count too. */
  readonly surprised: number;
}

/** Reads the messages of some schemas without `JSON.parse`. */
export interface Readers {
  /** What `JSON.parse` would make of a text, or `surprise`: ask it. */
  read(text: string): unknown;
  /** The schema that the last value read fits, so that it need not be checked. */
  schema: GenericSchema | undefined;
  stats(): ReaderStats;
}

interface Place {
  readonly schema: GenericSchema;
  readonly read: Reader<unknown>;
}

/** Readers asked about one text at most: one that is wrong finds out at the first constant that differs. */
const MOST_TRIES = 8;
/** After so many surprises in a row so many texts are not looked at: a server that writes otherwise costs next to nothing. */
const MOST_SURPRISES = 64;
const REST = 1_024;

const compiled = new WeakMap<GenericSchema, Reader<unknown>>();

const readerOf = (schema: GenericSchema): Reader<unknown> | undefined => {
  const known = compiled.get(schema) ?? compileReader(schema);
  if (known !== undefined) compiled.set(schema, known);
  return known;
};

/**
 * Makes the readers of some schemas: of each text the one is asked first that knew the last. A schema has one reader however
 * often it is named.
 *
 * @returns `undefined` if none of the schemas has a reader.
 */
export function createReaders(schemas: Iterable<GenericSchema>): Readers | undefined {
  const places: Place[] = [];
  for (const schema of new Set(schemas)) {
    const read = readerOf(schema);
    if (read !== undefined) places.push({ schema, read });
  }
  if (places.length === 0) return undefined;
  let read = 0;
  let surprised = 0;
  let inARow = 0;
  let rest = 0;

  const readers: Readers = {
    schema: undefined,
    read(text) {
      if (rest > 0) {
        rest -= 1;
        surprised += 1;
        return surprise;
      }
      for (let index = 0; index < places.length && index < MOST_TRIES; index += 1) {
        const place = places[index] as Place;
        const value = place.read(text);
        if (value === surprise) continue;
        if (index > 0) {
          places.splice(index, 1);
          places.unshift(place);
        }
        inARow = 0;
        read += 1;
        readers.schema = place.schema;
        return value;
      }
      surprised += 1;
      inARow += 1;
      if (inARow === MOST_SURPRISES) {
        inARow = 0;
        rest = REST;
      }
      // The next in line gets its chance, where there are more than are tried.
      if (places.length > MOST_TRIES) places.push(...places.splice(0, 1));
      return surprise;
    },
    stats: () => ({ read, surprised }),
  };
  return readers;
}
