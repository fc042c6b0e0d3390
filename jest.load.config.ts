/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

/**
 * `npm run test:load`: floods of a million messages over real sockets, with a server in a process of its own; it prints what it
 * measured. Needs `node --expose-gc`, which the script sees to; `LOAD_MESSAGES` makes it shorter. Spelled out for the reason given
 * in jest.captures.config.ts.
 */
const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/load'],
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  testTimeout: 600_000,
};

export default config;
