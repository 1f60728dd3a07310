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
  // Baileys leaves timers of up to a minute behind every closed socket.
  forceExit: true,
};
