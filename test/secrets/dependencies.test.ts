import { advisories, findings, standing } from '../../scripts/dependencies.mjs';

test('what the repository depends on is as it may be', () => {
  expect(findings(standing())).toEqual([]);
});

describe('the check objects to', () => {
  type Change = (now: ReturnType<typeof standing>) => void;
  const lockOf = (now: ReturnType<typeof standing>, name: string) => now.lock.packages[`node_modules/${name}`]!;
  const engine = (now: ReturnType<typeof standing>) => now.manifests['engine/package.json']!;

  test.each<[string, Change, RegExp]>([
    ['a range of versions', (now) => Object.assign(engine(now)['dependencies']!, { zod: '^4.0.0' }), /zod is \^4/],
    ['a git source', (now) => Object.assign(engine(now)['dependencies']!, { zod: 'github:a/b' }), /zod is github/],
    [
      'an install script of ours',
      (now) => Object.assign(engine(now), { scripts: { postinstall: 'x' } }),
      /postinstall/,
    ],
    ['a package without integrity', (now) => delete lockOf(now, 'zod')['integrity'], /zod has no sha512/],
    ['a weak integrity', (now) => (lockOf(now, 'zod')['integrity'] = 'sha1-x'), /zod has no sha512/],
    [
      'a package from git',
      (now) => (lockOf(now, 'zod')['resolved'] = 'git+ssh://git@github.com/a/b.git'),
      /zod comes from git/,
    ],
    ['a new install script', (now) => (lockOf(now, 'zod')['hasInstallScript'] = true), /zod has an install script/],
    ['a list that says too much', (now) => delete lockOf(now, 'ssh2')['hasInstallScript'], /ssh2 has no install/],
    [
      'another tarball of Baileys',
      (now) => (lockOf(now, '@whiskeysockets/baileys')['integrity'] = 'sha512-x'),
      /Baileys/,
    ],
    ['another version of Baileys', (now) => (lockOf(now, '@whiskeysockets/baileys')['version'] = '7.0.0'), /Baileys/],
    ['a licence that nobody has read', (now) => (lockOf(now, 'zod')['license'] = 'AGPL-3.0'), /licence AGPL/],
    ['scripts that may run', (now) => (now.npmrc = 'save-exact=true'), /ignore-scripts/],
  ])('%s', (_what, change, words) => {
    const now = standing();
    change(now);
    expect(findings(now)).toEqual([expect.stringMatching(words)]);
  });
});

test('an advisory of high or critical severity is a finding, a lower one is counted', () => {
  const found = (severity: string) =>
    advisories({
      status: 1,
      stdout: JSON.stringify({
        vulnerabilities: { ws: { name: 'ws', severity, range: '<8' } },
        metadata: { vulnerabilities: { [severity]: 1 } },
      }),
    });
  expect(found('high').findings).toEqual(['ws <8: high (npm audit)']);
  expect(found('critical').findings).toHaveLength(1);
  expect(found('moderate')).toEqual({ counts: { moderate: 1 }, findings: [] });
});

test('a registry that does not answer is said by name, and is no finding', () => {
  const stdout = JSON.stringify({ message: 'request to the registry failed', error: { summary: '' } });
  expect(advisories({ status: 1, stdout })).toEqual({
    skipped: 'Skipped: the registry’s advisories (request to the registry failed)',
    findings: [],
  });
  expect(advisories({ status: 1, stdout: 'npm error' }).skipped).toMatch(/npm audit ended with 1/);
});
