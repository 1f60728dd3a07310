import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/** What a tool answers to programs. */
export interface Structured {
  notice?: string;
  data?: unknown;
  error?: { code: string; message: string; errors?: object; retry_after?: number; details?: Record<string, unknown> };
}

/** An agent's program: the official SDK's client, with a token. */
export class Agent {
  private constructor(readonly client: Client) {}

  static async connect(url: string, token: string, options: StreamableHTTPClientTransportOptions = {}): Promise<Agent> {
    const client = new Client({ name: 'test', version: '1' });
    const requestInit = { headers: { Authorization: `Bearer ${token}` } };
    const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit, ...options });
    await client.connect(transport as Parameters<Client['connect']>[0]);
    return new Agent(client);
  }

  async tools(): Promise<string[]> {
    return (await this.client.listTools()).tools.map(({ name }) => name);
  }

  /** Calls a tool, and answers what a program reads of the answer, with the text that a model reads. */
  async call(
    name: string,
    args: Record<string, unknown> = {},
  ): Promise<Structured & { text: string; isError: boolean }> {
    const result = (await this.client.callTool({ name, arguments: args })) as CallToolResult;
    const [first] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    return { ...(result.structuredContent as Structured), text, isError: result.isError === true };
  }

  /** The same, for a call that is expected to succeed: the data. */
  async data<T = Record<string, unknown>>(name: string, args: Record<string, unknown> = {}): Promise<T> {
    const { data, isError, text } = await this.call(name, args);
    if (isError) throw new Error(`${name}: ${text}`);
    return data as T;
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
