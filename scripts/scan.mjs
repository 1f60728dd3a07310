/**
 * n8n's package scan, the way n8n runs it before it verifies a community node: over the sources and over the packed
 * tarball. Exits with 1 and the findings when one of them does not pass. Run `npm run build:nodes` before.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { analyzePackage, SOURCE_FILE_PATTERNS } from '@n8n/scan-community-package/scanner/scanner.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const TARBALL_FILE_PATTERNS = ['**/*.js', 'package.json'];

/** Packs the package as npm would publish it and unpacks it; returns the folder `package`. */
function unpackTarball(into) {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', into], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const tarball = readdirSync(into).find((file) => file.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', tarball], { cwd: into });
  return join(into, 'package');
}

/** What a published package must hold, else n8n loads nothing or shows no icon, and what it must not. */
function findingsInFiles(files) {
  const wanted = [
    'index.js',
    'Warbler.node.js',
    'WarblerTrigger.node.js',
    'warbler.svg',
    'warbler.dark.svg',
    '.node.json',
  ];
  const missing = wanted
    .filter((end) => !files.some((file) => file.endsWith(end)))
    .map((end) => `no …${end} in the tarball`);
  const strange = files.filter((file) => !/^(dist[\\/](nodes|credentials)[\\/]|[^\\/]+$)/.test(file));
  return [...missing, ...strange.map((file) => `${file} does not belong in the tarball`)];
}

const folder = mkdtempSync(join(tmpdir(), 'warbler-scan-'));
try {
  const unpacked = unpackTarball(folder);
  const entries = readdirSync(unpacked, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(unpacked.length + 1));
  const findings = findingsInFiles(files);
  for (const [name, directory, patterns] of [
    ['sources', root, SOURCE_FILE_PATTERNS],
    ['tarball', unpacked, TARBALL_FILE_PATTERNS],
  ]) {
    const { passed, message, details } = await analyzePackage(directory, patterns);
    console.log(`${name}: ${passed ? 'passed' : message}`);
    if (!passed) findings.push(details ?? message);
  }
  console.log(`tarball: ${files.length} files`);
  for (const finding of findings) console.error(finding);
  process.exitCode = findings.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
