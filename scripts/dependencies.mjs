/**
 * What comes into the house with `npm ci`, and whether it may: exact versions, from the registry, under the integrity
 * that package-lock.json names, without running a line of it; Baileys as it was read, down to its bytes; and licences.
 * Then the registry's advisories. `npm run audit`; exits with 1 and the findings. (That what is installed has the
 * integrity of the lock is npm ci's own promise: it refuses a tarball that has not.)
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one dependency that speaks for us at WhatsApp. A new version is read before these two lines change. */
export const BAILEYS = {
  version: '7.0.0-rc14',
  integrity: 'sha512-WK+X8ju8TPGxvWIsP8hrY6JB6FltYuFe+vsqKfjOYX25JObij9qLf2c3ZGdl1Q+vhFwbnT+AZmWAB5pTvzmSiQ==',
};

/** Packages that bring an install script, which .npmrc keeps from running, and why each works without. */
const INSTALL_SCRIPTS = {
  '@whiskeysockets/baileys': 'only checks the version of Node.js',
  protobufjs: 'only compares the versions of what depends on it',
  '@parcel/watcher': 'its prebuilt binary is a package of its own',
  '@swc/core': 'its prebuilt binary is a package of its own',
  'unrs-resolver': 'its prebuilt binary is a package of its own; ours names it for that',
  'cpu-features': 'an optional speed-up of ssh2, which n8n-workflow’s packages bring and nothing here uses',
  ssh2: 'its optional native part is not built; nothing here uses it',
  'isolated-vm': 'of n8n’s packages; nothing here runs it',
  'eslint-plugin-n8n-nodes-base': 'only keeps other package managers out of its own repository',
};

/** Licences of what is distributed with the engine that ask for nothing but their text. */
const PERMISSIVE = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];

/** What has another licence, or does not say it in the place where npm looks, and what follows. */
const OTHER_LICENCES = [
  [/^libsignal$/, 'GPL-3.0', 'Signal’s protocol; whoever passes on the engine together with it passes on GPL-3.0 code'],
  [/^@img\/sharp-/, 'LGPL-3.0-or-later', 'libvips as a shared library, which anybody may replace'],
  [/^(busboy|streamsearch)$/, undefined, 'MIT, by the LICENSE file'],
];

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
/** `npm:cssom@0.5.0` is exact, too. */
const isExact = (version) => EXACT.test(version.replace(/^npm:.+@/, ''));

/** What is wrong with the manifests (by path) and the lock; `[]` when nothing is. */
export function findings({ manifests, lock, npmrc }) {
  return [
    ...Object.entries(manifests).flatMap(([path, manifest]) => manifestFindings(path, manifest)),
    ...lockFindings(lock),
    ...(/^ignore-scripts=true$/m.test(npmrc) ? [] : ['.npmrc does not say ignore-scripts=true']),
  ];
}

function manifestFindings(path, { scripts = {}, ...manifest }) {
  const named = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'].flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}),
  );
  return [
    ...named
      .filter(([, version]) => !isExact(version))
      .map(([name, version]) => `${path}: ${name} is ${version}, not one exact version`),
    ...['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
      .filter((name) => name in scripts)
      .map((name) => `${path}: has a script ${name}, which runs when it is installed`),
  ];
}

function lockFindings({ packages }) {
  const installed = Object.entries(packages)
    .filter(([path, one]) => path.includes('node_modules/') && !one.link)
    .map(([path, one]) => ({ ...one, name: path.split('node_modules/').at(-1), path }));
  const linked = Object.entries(packages).filter(([path, one]) => one.link && one.resolved !== 'engine' && path);
  const wrong = [
    ...linked.map(([path]) => `${path} is a link to somewhere else`),
    ...installed.flatMap((one) => [
      ...(/^sha512-/.test(one.integrity ?? '') ? [] : [`${one.path} has no sha512 integrity`]),
      ...(isFromRegistry(one.resolved) ? [] : [`${one.path} comes from ${one.resolved}, not from a registry`]),
      ...(one.hasInstallScript && !(one.name in INSTALL_SCRIPTS)
        ? [`${one.path} has an install script: find out whether it works without, and say so here`]
        : []),
      ...(one.dev || isLicensed(one) ? [] : [`${one.path} has the licence ${one.license ?? 'that it does not name'}`]),
    ]),
  ];
  const baileys = installed.filter(({ name }) => name === '@whiskeysockets/baileys');
  const asRead = (one) => one.version === BAILEYS.version && one.integrity === BAILEYS.integrity;
  if (baileys.length !== 1 || !baileys.every(asRead))
    wrong.push('Baileys is not the one whose version and integrity stand here');
  const known = new Set(installed.filter((one) => one.hasInstallScript).map(({ name }) => name));
  const gone = Object.keys(INSTALL_SCRIPTS).filter((name) => !known.has(name));
  return [...wrong, ...gone.map((name) => `${name} has no install script any more: take it off the list`)];
}

/** npm leaves out where a package comes from when that is the registry it is configured with. */
const isFromRegistry = (resolved) => resolved === undefined || /^https:\/\/registry\.npmjs\.org\//.test(resolved);

function isLicensed({ name, license }) {
  const parts = (license ?? '').replace(/[()]/g, '').split(/ AND | OR /);
  if (parts.every((part) => PERMISSIVE.includes(part))) return true;
  const other = OTHER_LICENCES.find(
    ([of, named]) => of.test(name) && (named === undefined ? !license : parts.includes(named)),
  );
  return other !== undefined && parts.every((part) => PERMISSIVE.includes(part) || part === (other[1] ?? ''));
}

/** What `npm audit` has found, as lines; or that it could not ask. */
export function advisories({ status, stdout }) {
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    report = {};
  }
  const counts = report.metadata?.vulnerabilities;
  if (!counts) {
    const why = report.message ?? report.error?.summary ?? `npm audit ended with ${status}`;
    return { skipped: `Skipped: the registry’s advisories (${String(why).split('\n')[0]})`, findings: [] };
  }
  const grave = Object.values(report.vulnerabilities).filter(({ severity }) => ['high', 'critical'].includes(severity));
  return { counts, findings: grave.map(({ name, severity, range }) => `${name} ${range}: ${severity} (npm audit)`) };
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path) => readFileSync(join(root, path), 'utf8');
const MANIFESTS = ['package.json', 'engine/package.json', 'test/package.json', 'test/n8n/package.json'];

/** What {@link findings} looks at, as it stands in the repository. */
export const standing = () => ({
  manifests: Object.fromEntries(MANIFESTS.map((path) => [path, JSON.parse(read(path))])),
  lock: JSON.parse(read('package-lock.json')),
  npmrc: read('.npmrc'),
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { lock, ...rest } = standing();
  const wrong = findings({ lock, ...rest });
  const audit = spawnSync('npm', ['audit', '--json', '--omit=dev'], { cwd: root, encoding: 'utf8', timeout: 120_000 });
  const { skipped, counts, findings: grave } = advisories({ status: audit.status, stdout: audit.stdout ?? '' });
  for (const finding of [...wrong, ...grave]) console.error(finding);
  const all = Object.values(lock.packages);
  console.log(
    `${all.length} packages: exact versions, sha512, no other sources; ${all.filter((one) => one.hasInstallScript).length} install scripts, none run; Baileys ${BAILEYS.version}`,
  );
  console.log(skipped ?? `Advisories: ${JSON.stringify(counts)}`);
  process.exitCode = wrong.length + grave.length > 0 ? 1 : 0;
}
