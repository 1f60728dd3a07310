import { chatModel } from './model.ts';
import { chained, node } from './workbench.ts';

type Step = ReturnType<typeof node>;

/**
 * A workflow of an AI agent, begun by hand. Each of its tools is reviewed by the next, and the last is the agent's. What
 * comes out of the agent goes to the last step.
 */
export function agentWorkflow(name: string, model: { id: string; name: string }, tools: Step[], last: Step) {
  const to = (node: string, type: string) => ({ [type]: [[{ node, type, index: 0 }]] });
  const uses = tools.map((tool, index) => [tool.name, to(tools[index + 1]?.name ?? 'Agent', 'ai_tool')]);
  return {
    name,
    nodes: [
      node('Start', 'n8n-nodes-base.manualTrigger', 1, {}),
      node('Agent', '@n8n/n8n-nodes-langchain.agent', 3, { promptType: 'define', text: 'The table is ready' }),
      chatModel('Model', model),
      ...tools,
      last,
    ],
    connections: {
      ...chained(['Start', 'Agent', last.name]),
      Model: to('Agent', 'ai_languageModel'),
      ...Object.fromEntries(uses),
    },
    // As the editor makes workflows; in the older order of execution n8n's agents do not wait for their tools.
    settings: { executionOrder: 'v1' },
  };
}
