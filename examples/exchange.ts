/** A simulated exchange in a process of its own: `node --import tsx examples/exchange.ts --port 9000 --seed 7`. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startExchange } from 'millrace/testing';

const { values } = parseArgs({
  options: {
    /** 0 takes any free one. */
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    /** Where sequence numbers and ids begin: a restarted exchange must not use those of its predecessor again. */
    first: { type: 'string', default: '1' },
    'tick-ms': { type: 'string', default: '100' },
  },
});

// Before the line that invites a signal.
const signalled = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);

const exchange = await startExchange({
  port: Number(values.port),
  seed: Number(values.seed),
  firstSeq: Number(values.first),
  tickMs: Number(values['tick-ms']),
});
console.log(`listening ${exchange.url}`);

await signalled;
await exchange.close();
