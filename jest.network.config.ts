/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

/**
 * `npm run test:network`: feeds on a network that is cut for real. Needs root, `unshare`, `ip` and `nft`; without them it is
 * skipped, and says so. Spelled out for the reason given in jest.captures.config.ts.
 */
const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/network'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 120_000,
};

export default config;
