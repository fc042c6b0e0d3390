/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  // Jest would leave one core idle, which on two is half of them.
  maxWorkers: '100%',
  roots: ['<rootDir>/test', '<rootDir>/examples'],
  testPathIgnorePatterns: ['captures', 'browser', 'fuzz', 'network', 'load'].map(
    (suite) => `<rootDir>/test/${suite}/`,
  ),
  transform: { '\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^millrace$': '<rootDir>/src/index.ts',
    '^millrace/testing$': '<rootDir>/src/testing/index.ts',
  },
  // Processes are started by some tests, on machines with little to spare.
  testTimeout: 20_000,
  coverageProvider: 'babel',
};

export default config;
