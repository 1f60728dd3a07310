import { Engine } from './engine.ts';
import { type Execution, N8n } from './n8n.ts';

const NODE = 'Warbler';

/** One item that the Warbler node gave. */
export interface Output {
  json: Record<string, unknown>;
  binary?: Record<string, { id: string; mimeType: string; fileName: string }>;
  pairedItem?: { item: number };
}

/** A file that an earlier node puts into every item. */
export interface InputFile {
  bytes: Buffer;
  fileName: string;
  mimeType: string;
}

export interface RunOptions {
  /** An item per entry. */
  inputs?: object[];
  file?: InputFile;
  /** What is set in the node's own settings, for example `onError`. */
  settings?: object;
  /** Another credential than that of the engine. */
  credential?: { id: string; name: string };
}

/** How the editor writes what was chosen in a list, and what was typed by hand. */
export const chosen = (value: string) => ({ __rl: true, mode: 'list', value, cachedResultName: value });
export const typed = (value: string) => ({ __rl: true, mode: 'id', value });

/** An engine on its sandbox, an n8n, and one Warbler node between them, run with whatever parameters a test gives. */
export class Workbench {
  private constructor(
    readonly engine: Engine,
    readonly n8n: N8n,
    readonly credential: { id: string; name: string },
  ) {}

  static async start(): Promise<Workbench> {
    const [engine, n8n] = await Promise.all([Engine.start(), N8n.start()]);
    return new Workbench(engine, n8n, await n8n.createCredential({ url: `${engine.url}/`, token: engine.token }));
  }

  async stop(): Promise<void> {
    await Promise.all([this.engine.stop(), this.n8n.stop()]);
  }

  /** Runs an operation, given as `resource: operation`, in the name of session 1, and returns what came of it. */
  async run(name: string, parameters: object = {}, options: RunOptions = {}): Promise<Execution> {
    const { inputs = [{}], file, settings = {}, credential = this.credential } = options;
    const code = {
      jsCode: `return ${JSON.stringify(inputs.map((json) => ({ json: { ...json, ...base64Of(file) } })))}`,
    };
    const nodes = [
      node('Start', 'n8n-nodes-base.manualTrigger', 1, {}),
      node('Items', 'n8n-nodes-base.code', 2, code),
      ...(file ? [node('File', 'n8n-nodes-base.convertToFile', 1.1, toFile(file))] : []),
      { ...warbler(NODE, name, { session: typed('1'), ...parameters }), ...settings },
    ];
    const workflow = { name, nodes, connections: chained(nodes.map(({ name }) => name)) };
    return await this.n8n.run(await this.n8n.createWorkflow(workflow, credential));
  }

  /** The same, for a run that is expected to succeed: the items it gave. */
  async outputs(name: string, parameters: object = {}, options: RunOptions = {}): Promise<Output[]> {
    const execution = await this.run(name, parameters, options);
    const refused = refusalOf(execution);
    if (refused) throw new Error(`${name}: ${refused.message} ${refused.description}`);
    return outputsOf(execution);
  }

  async output(name: string, parameters: object = {}, options: RunOptions = {}): Promise<Output> {
    const outputs = await this.outputs(name, parameters, options);
    if (outputs.length !== 1) throw new Error(`${name} gave ${outputs.length} items`);
    return outputs[0] as Output;
  }

  /** The bytes of a file in an item. */
  async bytes({ binary }: Output, field = 'data'): Promise<Buffer> {
    const file = binary?.[field];
    if (!file) throw new Error(`The item has no file in ${field}`);
    return await this.n8n.download(file.id);
  }

  /** What the editor shows in the list of a field, with session 1 chosen, and what else the list depends on. */
  async search(method: string, filter?: string, chosen: object = {}): Promise<Array<{ name: string; value: string }>> {
    const parameters = { session: typed('1'), ...chosen };
    const { results } = await this.n8n.search('n8n-nodes-warbler.warbler', method, this.credential, filter, parameters);
    return results;
  }
}

export const outputsOf = ({ runData }: Execution) => (runData[NODE]?.[0]?.data?.main[0] ?? []) as Output[];

export const refusalOf = ({ runData }: Execution) =>
  runData[NODE]?.[0]?.error as { message: string; description: string; context: { itemIndex: number } } | undefined;

export const node = (name: string, type: string, typeVersion: number, parameters: object) => ({
  id: name,
  name,
  type,
  typeVersion,
  position: [0, 0],
  parameters,
});

/** A Warbler node that does an operation, given as `resource: operation`. */
export function warbler(name: string, does: string, parameters: object) {
  const [resource, operation] = does.split(': ');
  return node(name, 'n8n-nodes-warbler.warbler', 1, { resource, operation, ...parameters });
}

const base64Of = (file?: InputFile) => (file ? { base64: file.bytes.toString('base64') } : {});

/** n8n keeps the file outside the item, as it does with files that it downloads. */
const toFile = ({ fileName, mimeType }: InputFile) => ({
  operation: 'toBinary',
  sourceProperty: 'base64',
  options: { fileName, mimeType },
});

/** Each node leads to the next. */
export const chained = (names: string[]) =>
  Object.fromEntries(
    names.slice(1).map((name, index) => [names[index], { main: [[{ node: name, type: 'main', index: 0 }]] }]),
  );
