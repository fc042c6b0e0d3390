import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Frees whatever nobody holds. What a `WeakRef` was made of is held until the end of its turn: await that first. */
export const collectGarbage = runInNewContext('gc') as () => void;
