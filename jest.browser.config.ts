/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

/**
 * `npm run test:browser`: a feed in headless Chromium, on a server that misbehaves. Skipped where there is no Chromium.
 * Spelled out, not built on jest.config.ts: no spelling of that import suits both the compiler and jest's loader.
 */
const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/browser'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 60_000,
};

export default config;
