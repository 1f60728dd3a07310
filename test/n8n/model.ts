import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { N8n } from './n8n.ts';
import { node } from './workbench.ts';

/** One turn of a conversation, as OpenAI's API has it; `tool` turns hold what a tool answered. */
export interface Turn {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string | null;
}

/** A tool as the model sees it: all that it knows of it. */
export interface Tool {
  name: string;
  description: string;
  parameters: { properties: Record<string, { type: string; description?: string }>; required?: string[] };
}

/** What the model is asked: the conversation so far, and the tools that it may call. */
export interface Question {
  messages: Turn[];
  tools: Tool[];
}

/** What the model says: a text, or calls of tools, after whose answers it is asked again. */
export type Answer = string | Array<{ tool: string; input: object }>;

const NOT_SCRIPTED = 'The test has not said what the model answers: set `says`.';

/**
 * Stands in for a language model: OpenAI's chat completions, answered as a test says. The agent, its memory and its
 * tools are n8n's own. It does not stream, which n8n asks for only where its own chat is the trigger.
 */
export class Model {
  /** Everything that was asked, oldest first. */
  readonly questions: Question[] = [];

  /** What is answered to a question. */
  says: (question: Question) => Answer = () => {
    throw new Error(NOT_SCRIPTED);
  };

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Model> {
    const server = createServer();
    const model = new Model(server);
    server.on('request', (request, response) => {
      void model.respond(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** The credential of n8n's node for OpenAI and for all that speak its API. */
  async credential(n8n: N8n): Promise<{ id: string; name: string }> {
    const { port } = this.server.address() as AddressInfo;
    return await n8n.createCredential({ apiKey: 'none', url: `http://127.0.0.1:${port}/v1` }, 'openAiApi');
  }

  /** The last question, to look at what the model was shown. */
  get lastQuestion(): Question {
    const question = this.questions.at(-1);
    if (!question) throw new Error('The model was not asked anything');
    return question;
  }

  private async respond(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const asked = `${request.method} ${request.url}`;
    if (asked === 'GET /v1/models') return { status: 200, body: { object: 'list', data: [{ id: 'test' }] } };
    if (asked !== 'POST /v1/chat/completions') return refused(404, `There is no ${asked}`);
    const { messages, tools = [], stream } = (await json(request)) as Asked;
    if (stream) return refused(400, 'This model does not stream');
    const question = { messages, tools: tools.map((tool) => tool.function) };
    this.questions.push(question);
    try {
      return { status: 200, body: completionOf(this.says(question)) };
    } catch (error) {
      return refused(400, (error as Error).message);
    }
  }
}

interface Asked {
  messages: Turn[];
  tools?: Array<{ function: Tool }>;
  stream?: boolean;
}

/** n8n does not try again after a 400, and shows the message. */
const refused = (status: number, message: string) => ({ status, body: { error: { message } } });

function completionOf(answer: Answer): object {
  const isText = typeof answer === 'string';
  const message = isText ? { content: answer } : { content: null, tool_calls: answer.map(callOf) };
  return {
    id: randomUUID(),
    object: 'chat.completion',
    created: 0,
    model: 'test',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: isText ? 'stop' : 'tool_calls' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
}

const callOf = ({ tool, input }: { tool: string; input: object }) => ({
  id: randomUUID(),
  type: 'function',
  function: { name: tool, arguments: JSON.stringify(input) },
});

/**
 * n8n's node for the model. Its other API (responses) is for OpenAI's own servers. A workflow with an agent that has
 * tools needs `settings: { executionOrder: 'v1' }`, as every new workflow has: in the old order n8n asks the model again
 * before the tool has run.
 */
export const chatModel = (name: string, credential: { id: string; name: string }) => ({
  ...node(name, '@n8n/n8n-nodes-langchain.lmChatOpenAi', 1.3, {
    model: { __rl: true, mode: 'id', value: 'test' },
    responsesApiEnabled: false,
    options: {},
  }),
  credentials: { openAiApi: credential },
});
