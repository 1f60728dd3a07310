import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { n8nCommand, nodeBinary } from './install.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const OWNER = { email: 'owner@warbler.example', firstName: 'Test', lastName: 'Owner', password: 'Warbler-owner-1' };
const START_TIMEOUT_MS = 180_000;

export interface Workflow {
  id: string;
  versionId: string;
  name: string;
  nodes: Array<{ name: string; type: string; webhookId?: string; [field: string]: unknown }>;
}

export interface CredentialTestResult {
  status: 'OK' | 'Error';
  message: string;
}

export interface ExecutionSummary {
  id: string;
  mode: string;
  status: string;
}

/** What the tests read from an execution: each node's runs and their items. */
export interface Execution extends ExecutionSummary {
  runData: Record<string, Array<{ data?: { main: Array<Array<{ json: Record<string, unknown> }>> }; error?: unknown }>>;
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

/** Stops a child process: politely, then not. Resolves when it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const forced = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await gone;
  clearTimeout(forced);
}

/** The names node types have when the package is loaded from a folder instead of being installed from the dialog. */
const asCustomTypes = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll('"n8n-nodes-warbler.', '"CUSTOM.')) as T;

/**
 * A real n8n in a process of its own, on a free port, with a fresh user folder and the built package. Its REST API is
 * the one the editor uses.
 */
export class N8n {
  private cookie = '';

  private child: ChildProcess | undefined;

  private log = '';

  private constructor(
    private readonly home: string,
    readonly port: number,
    private readonly brokerPort: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async start(): Promise<N8n> {
    const n8n = new N8n(await mkdtemp(join(tmpdir(), 'warbler-n8n-')), await freePort(), await freePort());
    await mkdir(join(n8n.home, 'package'));
    await cp(join(root, 'package.json'), join(n8n.home, 'package', 'package.json'));
    await cp(join(root, 'dist'), join(n8n.home, 'package', 'dist'), { recursive: true });
    await n8n.launch();
    await n8n.call('POST', '/rest/owner/setup', OWNER);
    return n8n;
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
    if (this.child) await end(this.child, 'SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.child) await end(this.child);
    await rm(this.home, { recursive: true, force: true });
  }

  /** The last of what n8n wrote, for the message of a test that fails. */
  get lastLog(): string {
    return this.log.slice(-4000);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'content-type': 'application/json', cookie: this.cookie },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const [cookie] = response.headers.getSetCookie();
    if (cookie) this.cookie = cookie.split(';')[0] ?? '';
    const text = await response.text();
    if (!response.ok) throw new Error(`n8n: ${method} ${path} answered ${response.status}: ${text.slice(0, 2000)}`);
    return (JSON.parse(text) as { data: T }).data;
  }

  async createCredential(data: Record<string, unknown>): Promise<{ id: string; name: string }> {
    return await this.call('POST', '/rest/credentials', { name: 'Warbler', type: 'warblerApi', data });
  }

  /** What the editor shows after Save on a credential. */
  async testCredential(data: Record<string, unknown>): Promise<CredentialTestResult> {
    const { id, name } = await this.createCredential(data);
    return await this.call('POST', '/rest/credentials/test', { credentials: { id, name, type: 'warblerApi', data } });
  }

  /** Imports a workflow file as it is, the way a person does, and gives its nodes the credential. */
  async createWorkflow(file: object, credential: { id: string; name: string }): Promise<Workflow> {
    const workflow = asCustomTypes(file) as Workflow;
    const nodes = workflow.nodes.map((node) => ({
      ...node,
      ...('webhookId' in node || node.type.endsWith('Trigger') ? { webhookId: randomUUID() } : {}),
      ...(node.type.startsWith('CUSTOM.') ? { credentials: { warblerApi: credential } } : {}),
    }));
    return await this.call('POST', '/rest/workflows', { settings: {}, ...workflow, nodes, active: false });
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

  async stopListening({ id }: Workflow): Promise<void> {
    await this.call('DELETE', `/rest/test-webhook/${id}`);
  }

  /** Asks a node for the list behind one of its resource locators. */
  async search(nodeType: string, method: string, credential: { id: string; name: string }, filter?: string) {
    return await this.call<{ results: Array<{ name: string; value: string }> }>(
      'POST',
      '/rest/dynamic-node-parameters/resource-locator-results',
      {
        path: 'session',
        nodeTypeAndVersion: { name: nodeType, version: 1 },
        currentNodeParameters: {},
        methodName: method,
        credentials: { warblerApi: credential },
        filter,
      },
    );
  }

  /** Runs a workflow that begins with a manual trigger and returns its execution once it has ended. */
  async run({ id, nodes }: Workflow): Promise<Execution> {
    const trigger = nodes.find(({ type }) => type.endsWith('manualTrigger'))?.name;
    const body = { triggerToStartFrom: { name: trigger } };
    const { executionId } = await this.call<{ executionId: string }>('POST', `/rest/workflows/${id}/run`, body);
    return await until('the execution to end', async () => await this.ended(executionId), 30_000);
  }

  /** Newest first. */
  async executions({ id }: Workflow, mode?: string): Promise<ExecutionSummary[]> {
    const filter = encodeURIComponent(JSON.stringify({ workflowId: id, ...(mode ? { mode } : {}) }));
    const { results } = await this.call<{ results: ExecutionSummary[] }>(
      'GET',
      `/rest/executions?filter=${filter}&limit=100`,
    );
    return results;
  }

  async execution(id: string): Promise<Execution> {
    const { data, ...summary } = await this.call<ExecutionSummary & { data: string }>('GET', `/rest/executions/${id}`);
    return { ...summary, runData: unflatten(data).resultData?.runData ?? {} };
  }

  /** A file that an execution left behind. */
  async download(binaryId: string): Promise<Buffer> {
    const path = `/rest/binary-data?action=download&id=${encodeURIComponent(binaryId)}`;
    const response = await fetch(this.url + path, { headers: { cookie: this.cookie } });
    if (!response.ok) throw new Error(`n8n: GET ${path} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  private async ended(id: string): Promise<Execution | undefined> {
    const execution = await this.execution(id);
    return ['new', 'running', 'waiting'].includes(execution.status) ? undefined : execution;
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
      N8N_CUSTOM_EXTENSIONS: join(this.home, 'package'),
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
