import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Libsql from 'libsql';
import { n8nCommand, nodeBinary } from './install.mjs';

/** The checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export const TEST_OWNER = { email: 'owner@warbler.example', password: 'Warbler-owner-1' };
const START_TIMEOUT_MS = 180_000;

/** Who may log in to n8n's editor. */
export interface Owner {
  email: string;
  password: string;
}

export interface N8nOptions {
  /** The user folder; without it a temporary one, which goes when n8n is stopped. */
  home?: string;
  port?: number;
  owner?: Owner;
  /** Loads the nodes from this folder (`N8N_CUSTOM_EXTENSIONS`) instead of installing the package. */
  customExtensions?: string;
}

export interface Workflow {
  id: string;
  versionId: string;
  name: string;
  nodes: Array<{ name: string; type: string; webhookId?: string; credentials?: object; [field: string]: unknown }>;
}

export interface CredentialTestResult {
  status: 'OK' | 'Error';
  message: string;
}

interface ExecutionPage {
  results: ExecutionSummary[];
  nextCursor: string | null;
}

export interface ExecutionSummary {
  id: string;
  mode: string;
  status: string;
}

/** The statuses of an execution that is not over. */
export const UNFINISHED = ['new', 'running', 'waiting'];

/** What the tests read from an execution: each node's runs and their items. */
export interface Execution extends ExecutionSummary {
  runData: Record<string, Array<{ data?: { main: Array<Array<{ json: Record<string, unknown> }>> }; error?: unknown }>>;
}

export interface NodeType {
  name: string;
  iconUrl?: { light: string; dark: string };
}

interface Publication {
  status: string;
  triggers: Array<{ status: string; errorMessage: string | null }>;
}

export async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Calls `look` until it gives something, and fails with `what` when it does not. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs: number): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(100);
  }
  throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
}

/** Resolves when a child process has ended, whoever ended it. */
export async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Stops a child process: politely, then not. Resolves when it is gone. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child?.kill(signal);
  const forced = setTimeout(() => child?.kill('SIGKILL'), 15_000);
  await ended(child);
  clearTimeout(forced);
}

/**
 * Installs the built package as the README tells users to: packed as npm would publish it, into the folder where n8n
 * keeps community nodes. Without --legacy-peer-deps npm would fetch n8n-workflow, which n8n brings itself; without
 * --prefix an npm that is started by `npm run` installs into the checkout.
 */
function installPackage(home: string): void {
  const nodes = join(home, '.n8n', 'nodes');
  mkdirSync(nodes, { recursive: true });
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync('npm', [...args, '--prefix', cwd], { cwd, encoding: 'utf8', stdio: 'pipe' });
  const tarball = npm(root, 'pack', '--silent', '--pack-destination', nodes).trim();
  npm(nodes, 'install', '--legacy-peer-deps', '--no-audit', '--no-fund', `./${tarball}`);
}

/**
 * A real n8n in a process of its own, with the built package. Its REST API is the one the editor uses. Unless told
 * otherwise the package is installed as a community node, the folder is fresh and the port free.
 */
export class N8n {
  private cookie = '';

  private child: ChildProcess | undefined;

  private log = '';

  private constructor(
    /** The user folder. */
    readonly home: string,
    readonly port: number,
    private readonly brokerPort: number,
    private readonly options: N8nOptions,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async start(options: N8nOptions = {}): Promise<N8n> {
    const n8n = await N8n.create(options);
    try {
      await n8n.open();
      return n8n;
    } catch (error) {
      await n8n.stop();
      throw error;
    }
  }

  /** Nothing runs yet: `open()` starts it. */
  static async create(options: N8nOptions = {}): Promise<N8n> {
    const home = options.home ?? (await mkdtemp(join(tmpdir(), 'warbler-n8n-')));
    return new N8n(home, options.port ?? (await freePort()), await freePort(), options);
  }

  /** Installs the package, starts n8n and logs in. */
  async open(): Promise<void> {
    const { customExtensions, owner = TEST_OWNER } = this.options;
    if (!customExtensions) installPackage(this.home);
    await this.launch();
    await this.login(owner);
  }

  /** Starts the process on the user folder that is there; again after `kill()`, to see what survives. */
  async launch(): Promise<void> {
    this.child = spawn(nodeBinary, [n8nCommand, 'start'], {
      env: this.environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.log = (this.log + chunk.toString()).slice(-200_000)));
    }
    await until('n8n to start', async () => await this.isReady(), START_TIMEOUT_MS);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await end(this.child, 'SIGKILL');
  }

  async stop(): Promise<void> {
    await end(this.child);
    if (!this.options.home) await rm(this.home, { recursive: true, force: true });
  }

  /** Resolves when the process has ended, whoever ended it. */
  async ended(): Promise<void> {
    await ended(this.child);
  }

  /** The last of what n8n wrote, for the message of a test that fails. */
  get lastLog(): string {
    return this.log.slice(-4000);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { data } = (await (await this.fetch(method, path, body)).json()) as { data: T };
    return data;
  }

  /** As the editor does, with its session cookie; throws with n8n's words when it is refused. */
  async fetch(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'content-type': 'application/json', cookie: this.cookie },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const [cookie] = response.headers.getSetCookie();
    if (cookie) this.cookie = cookie.split(';')[0] ?? '';
    if (response.ok) return response;
    throw new Error(`n8n: ${method} ${path} answered ${response.status}: ${(await response.text()).slice(0, 2000)}`);
  }

  /** Logs in; on a fresh user folder the owner is created by it. */
  private async login({ email, password }: Owner): Promise<void> {
    const { userManagement } = await this.call<{ userManagement: { showSetupOnFirstLoad: boolean } }>(
      'GET',
      '/rest/settings',
    );
    if (userManagement.showSetupOnFirstLoad) {
      await this.call('POST', '/rest/owner/setup', { email, password, firstName: 'Warbler', lastName: 'Owner' });
    } else {
      await this.call('POST', '/rest/login', { emailOrLdapLoginId: email, password });
    }
  }

  async createCredential(data: Record<string, unknown>, type = 'warblerApi'): Promise<{ id: string; name: string }> {
    return await this.call('POST', '/rest/credentials', { name: 'Warbler', type, data });
  }

  /** The credential of that name with this data, be it there already or not. */
  async keepCredential(data: Record<string, unknown>): Promise<{ id: string; name: string }> {
    const all = await this.call<Array<{ id: string; name: string; type: string }>>('GET', '/rest/credentials');
    const found = all.find(({ name, type }) => name === 'Warbler' && type === 'warblerApi');
    if (!found) return await this.createCredential(data);
    const { id, name, type } = found;
    await this.call('PATCH', `/rest/credentials/${id}`, { name, type, data });
    return { id, name };
  }

  /** What the editor shows after Save on a credential. */
  async testCredential(data: Record<string, unknown>): Promise<CredentialTestResult> {
    const { id, name } = await this.createCredential(data);
    return await this.call('POST', '/rest/credentials/test', { credentials: { id, name, type: 'warblerApi', data } });
  }

  /** Imports a workflow file as it is, the way a person does, and gives our nodes the credential unless they have one. */
  async createWorkflow(file: object, credential: { id: string; name: string }): Promise<Workflow> {
    const workflow = file as Workflow;
    const nodes = workflow.nodes.map((node) => ({
      ...node,
      ...('webhookId' in node || node.type.endsWith('Trigger') ? { webhookId: randomUUID() } : {}),
      ...(/^n8n-nodes-base\.|langchain/.test(node.type)
        ? {}
        : { credentials: { warblerApi: credential, ...node.credentials } }),
    }));
    return await this.call('POST', '/rest/workflows', { settings: {}, ...workflow, nodes, active: false });
  }

  /** A workflow by its name, in its published version if it has one. */
  async findWorkflow(wanted: string): Promise<Workflow | undefined> {
    const all = await this.call<Array<{ id: string; name: string; isArchived: boolean }>>('GET', '/rest/workflows');
    const found = all.find(({ name, isArchived }) => name === wanted && !isArchived);
    if (!found) return undefined;
    const workflow = await this.call<Workflow & { activeVersionId?: string }>('GET', `/rest/workflows/${found.id}`);
    return { ...workflow, versionId: workflow.activeVersionId ?? workflow.versionId };
  }

  /** Publishes a workflow and waits until n8n has registered its triggers, which it does in the background. */
  async activate({ id, versionId }: Workflow): Promise<void> {
    await this.call('POST', `/rest/workflows/${id}/activate`, { versionId });
    await this.publicationIs('published', id);
  }

  async deactivate({ id }: Workflow): Promise<void> {
    await this.call('POST', `/rest/workflows/${id}/deactivate`, {});
    await this.publicationIs('not_published', id);
  }

  private async publicationIs(status: string, id: string): Promise<void> {
    await until(
      `the triggers to be ${status}`,
      async () => {
        const publication = await this.call<Publication>('GET', `/rest/workflows/${id}/publication-status`);
        const failure = publication.triggers.find(({ errorMessage }) => errorMessage)?.errorMessage;
        if (failure) throw new Error(`n8n could not activate a trigger: ${failure}`);
        return publication.status === status ? true : undefined;
      },
      60_000,
    );
  }

  /** "Listen for test event" on one trigger: what follows it does not run. */
  async listen({ id }: Workflow, trigger: string): Promise<void> {
    await this.call('POST', `/rest/workflows/${id}/run`, {
      triggerToStartFrom: { name: trigger },
      destinationNode: { nodeName: trigger, mode: 'inclusive' },
    });
  }

  /** Ends that, and waits until n8n has forgotten the test: it tells whoever asks before it begins to. */
  async stopListening({ id, nodes }: Workflow, trigger: string): Promise<void> {
    await this.call('DELETE', `/rest/test-webhook/${id}`);
    const { webhookId } = nodes.find(({ name }) => name === trigger) as { webhookId?: string };
    const url = `${this.url}/webhook-test/${webhookId}/webhook`;
    const isGone = async () => (await (await fetch(url)).text()).includes('is not registered.');
    await until('the test to be over', async () => ((await isGone()) ? true : undefined), 30_000);
  }

  /** Asks a node for the list behind one of its resource locators. */
  async search(
    nodeType: string,
    method: string,
    credential: { id: string; name: string },
    filter?: string,
    parameters: object = {},
  ) {
    return await this.call<{ results: Array<{ name: string; value: string }> }>(
      'POST',
      '/rest/dynamic-node-parameters/resource-locator-results',
      {
        path: 'session',
        nodeTypeAndVersion: { name: nodeType, version: 1 },
        currentNodeParameters: parameters,
        methodName: method,
        credentials: { warblerApi: credential },
        filter,
      },
    );
  }

  /** Runs a workflow that begins with a manual trigger and returns its execution once it has ended. */
  async run(workflow: Workflow): Promise<Execution> {
    return await this.outcomeOf(await this.begin(workflow));
  }

  /** The same without waiting; the id of the execution. */
  async begin({ id, nodes }: Workflow): Promise<string> {
    const trigger = nodes.find(({ type }) => type.endsWith('manualTrigger'))?.name;
    const body = { triggerToStartFrom: { name: trigger } };
    const { executionId } = await this.call<{ executionId: string }>('POST', `/rest/workflows/${id}/run`, body);
    return executionId;
  }

  /** The execution, once it has ended. */
  async outcomeOf(executionId: string): Promise<Execution> {
    return await until('the execution to end', async () => await this.outcome(executionId), 30_000);
  }

  /** As time does in the end, but while n8n is down: the execution has waited for as long as n8n itself would. */
  endWait(executionId: string): void {
    const database = new Libsql(join(this.home, '.n8n', 'database.sqlite'));
    database
      .prepare("UPDATE execution_entity SET waitTill = '2020-01-01 00:00:00.000' WHERE id = ? AND status = 'waiting'")
      .run([executionId]);
    database.close();
  }

  /** All of them, newest first. */
  async executions({ id }: Workflow, mode?: string): Promise<ExecutionSummary[]> {
    const filter = encodeURIComponent(JSON.stringify({ workflowId: id, ...(mode ? { mode } : {}) }));
    const all: ExecutionSummary[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
      const page = await this.call<ExecutionPage>('GET', `/rest/executions?filter=${filter}&limit=100${from}`);
      all.push(...page.results);
      cursor = page.nextCursor;
    } while (cursor);
    return all;
  }

  async execution(id: string): Promise<Execution> {
    const { data, ...summary } = await this.call<ExecutionSummary & { data: string }>('GET', `/rest/executions/${id}`);
    return { ...summary, runData: unflatten(data).resultData?.runData ?? {} };
  }

  /** A file that an execution left behind. */
  async download(binaryId: string): Promise<Buffer> {
    const path = `/rest/binary-data?action=download&id=${encodeURIComponent(binaryId)}`;
    return Buffer.from(await (await this.fetch('GET', path)).arrayBuffer());
  }

  /** What the editor offers in its list of nodes. */
  async nodeTypes(): Promise<NodeType[]> {
    return (await (await this.fetch('GET', '/types/nodes.json')).json()) as NodeType[];
  }

  private async outcome(id: string): Promise<Execution | undefined> {
    const execution = await this.execution(id);
    return UNFINISHED.includes(execution.status) ? undefined : execution;
  }

  private environment(): NodeJS.ProcessEnv {
    const { PATH, LANG } = process.env;
    return {
      PATH: `${dirname(nodeBinary)}:${PATH}`,
      LANG,
      HOME: this.home,
      N8N_USER_FOLDER: this.home,
      N8N_PORT: String(this.port),
      N8N_LISTEN_ADDRESS: '127.0.0.1',
      N8N_WEBHOOK_URL: `${this.url}/`,
      ...(this.options.customExtensions && { N8N_CUSTOM_EXTENSIONS: this.options.customExtensions }),
      N8N_SECURE_COOKIE: 'false',
      N8N_DIAGNOSTICS_ENABLED: 'false',
      N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
      N8N_TEMPLATES_ENABLED: 'false',
      N8N_PERSONALIZATION_ENABLED: 'false',
      N8N_RUNNERS_BROKER_PORT: String(this.brokerPort),
    };
  }

  /** /healthz answers before the database is migrated and the REST API is mounted, so that is asked too. */
  private async isReady(): Promise<true | undefined> {
    if (this.child?.exitCode !== null) throw new Error(`n8n ended while starting:\n${this.lastLog}`);
    const answers = await Promise.all(
      ['/healthz/readiness', '/rest/settings'].map(async (path) => await fetch(this.url + path).catch(() => undefined)),
    );
    const types = answers.map((answer) => answer?.ok && answer.headers.get('content-type')?.includes('json'));
    return types.every(Boolean) ? true : undefined;
  }
}

/** n8n sends an execution's data as one flat array in which every nested value is an index into the array. */
function unflatten(data: string): { resultData?: { runData: Execution['runData'] } } {
  const flat = JSON.parse(data) as unknown[];
  const built = new Map<number, unknown>();
  const follow = (value: unknown): unknown => (typeof value === 'string' ? at(Number(value)) : value);
  const at = (index: number): unknown => {
    if (built.has(index)) return built.get(index);
    const value = flat[index];
    if (typeof value !== 'object' || value === null) return value;
    const target: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
    built.set(index, target);
    for (const [key, child] of Object.entries(value)) (target as Record<string, unknown>)[key] = follow(child);
    return target;
  };
  return (at(0) ?? {}) as { resultData?: { runData: Execution['runData'] } };
}
