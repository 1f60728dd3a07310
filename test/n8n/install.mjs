/**
 * Installs the real n8n that `npm run test:n8n` runs against, and the Node.js 24 it needs, into a folder outside the
 * checkout (`WARBLER_N8N_DIR`, by default ~/.cache/warbler-n8n), since that is 2 GB and takes minutes. Each step looks
 * first whether it is done already; a marker keyed by the dependencies in package.json says that all of them are. One of
 * them, date-fns, is a peer that n8n's Extract from File does not load without.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24';
const here = dirname(fileURLToPath(import.meta.url));
const manifest = readFileSync(join(here, 'package.json'), 'utf8');
const { dependencies, overrides } = JSON.parse(manifest);

export const folder = process.env.WARBLER_N8N_DIR ?? join(homedir(), '.cache', 'warbler-n8n');
export const nodeBinary = join(folder, 'node24', 'node_modules', '.bin', 'node');
export const n8nCommand = join(folder, 'node_modules', 'n8n', 'bin', 'n8n');

const marker = join(folder, '.installed');
const key = createHash('sha256')
  .update(JSON.stringify([dependencies, overrides, NODE_VERSION]))
  .digest('hex');

/** Whether what package.json asks for is there. */
export function isInstalled() {
  return existsSync(marker) && readFileSync(marker, 'utf8').trim() === key && existsSync(n8nCommand);
}

function run(command, args, cwd, env = {}) {
  console.log(`> ${command} ${args.join(' ')}   (in ${cwd})`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}`);
}

/** Without --prefix an npm that is started by `npm run` works on the folder of that script. */
const npm = (args, cwd) => run('npm', [...args, '--prefix', cwd, '--no-audit', '--no-fund', '--loglevel=error'], cwd);

const answers = (command, args, cwd = folder) =>
  spawnSync(command, args, { cwd, encoding: 'utf8' }).stdout?.trim() ?? '';

function installNode() {
  if (answers(nodeBinary, ['--version']).startsWith(`v${NODE_VERSION}.`)) {
    return console.log(`Node.js ${NODE_VERSION} is there.`);
  }
  const cwd = join(folder, 'node24');
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, 'package.json'), '{"private":true}\n');
  npm(['install', `node@${NODE_VERSION}`, '--ignore-scripts=false'], cwd);
  // Newer npm asks before it runs a package's install script; this one only fetches the binary.
  if (!existsSync(nodeBinary)) run('node', ['installArchSpecificPackage.js'], join(cwd, 'node_modules', 'node'));
}

/** npm writes this file last: where it is missing, the installation was cut short. */
const complete = join(folder, 'node_modules', '.package-lock.json');

function isN8nCurrent() {
  const own = join(folder, 'package.json');
  if (!existsSync(n8nCommand) || !existsSync(complete) || !existsSync(own)) return false;
  const there = JSON.parse(readFileSync(own, 'utf8'));
  return JSON.stringify([there.dependencies, there.overrides]) === JSON.stringify([dependencies, overrides]);
}

function installN8n() {
  if (isN8nCurrent()) return console.log('n8n is there.');
  rmSync(complete, { force: true });
  writeFileSync(join(folder, 'package.json'), manifest);
  npm(['install', '--legacy-peer-deps', '--ignore-scripts'], folder);
}

function buildSqlite() {
  if (answers(nodeBinary, ['-e', 'require("sqlite3"); console.log("loads")']) === 'loads') {
    return console.log('sqlite3 is built.');
  }
  npm(['rebuild', 'sqlite3', '--ignore-scripts=false'], folder);
}

function install() {
  console.log(`n8n for the tests lives in ${folder}`);
  if (isInstalled()) return console.log('It is installed.');
  mkdirSync(folder, { recursive: true });
  installNode();
  installN8n();
  buildSqlite();
  writeFileSync(marker, `${key}\n`);
  console.log('Installed.');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    install();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
