/** Tests are ES modules, because Baileys 7 is one; run jest through `npm test`, which passes node the flag that needs. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } }],
  },
  testTimeout: 30_000,
  // Most of a test is waiting; Jest's default leaves one core idle.
  maxWorkers: '100%',
  // Node never frees the ES modules of a test file that is over: after a hundred files a worker would hold 4 GB, and
  // spend its time collecting garbage. Between two files one that holds more than this makes way for a new one.
  workerIdleMemoryLimit: '1GB',
  // Baileys leaves timers of up to a minute behind every closed socket.
  forceExit: true,
};
