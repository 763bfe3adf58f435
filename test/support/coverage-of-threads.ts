/**
 * Worker threads and child processes that a test starts write what they ran to this folder; Node reads the variable when a
 * thread or process starts, so the test's own thread, which vitest watches, is not counted twice. See test/coverage.ts.
 */
const folder = process.env['TAPYARD_COVERAGE'];
if (folder !== undefined) process.env['NODE_V8_COVERAGE'] = folder;
