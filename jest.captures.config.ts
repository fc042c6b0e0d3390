/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

/**
 * `npm run test:captures`: recorded traffic of real servers through the feeds of examples/venues. Spelled out, not
 * built on jest.config.ts: no spelling of that import suits both the compiler and jest's loader.
 */
const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/captures'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 20_000,
};

export default config;
