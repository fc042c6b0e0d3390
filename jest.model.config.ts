/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

process.env['MODEL_RUNS'] ??= '10000';

/**
 * `npm run test:model`: a feed against its oracle in 10 000 random scripts; `npm test` plays a few of them. Spelled out for the
 * reason given in jest.captures.config.ts.
 */
const config: Config = {
  testEnvironment: 'node',
  maxWorkers: '100%',
  roots: ['<rootDir>/test/model'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 900_000,
};

export default config;
