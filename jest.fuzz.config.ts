/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

process.env['FUZZ_CASES'] ??= '1000000';

/**
 * `npm run test:fuzz`: compiled schemas against valibot in a million random cases (`FUZZ_CASES`, `FUZZ_SEED`); `npm test` tries a few. Spelled out for the
 * reason given in jest.captures.config.ts.
 */
const config: Config = {
  testEnvironment: 'node',
  maxWorkers: '100%',
  roots: ['<rootDir>/test/fuzz'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 900_000,
};

export default config;
