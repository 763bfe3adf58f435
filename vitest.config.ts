import { configDefaults, defineConfig } from 'vitest/config';
import { inCi, leftOut } from './test/needs.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...leftOut().map(({ file }) => file)],
    setupFiles: ['test/support/coverage-of-threads.ts'],
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    fileParallelism: true,
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    allowOnly: !inCi,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts', 'native-free/**/*.ts'],
      reporter: ['json'],
      reportsDirectory: 'coverage/vitest',
      reportOnFailure: true,
    },
  },
});
