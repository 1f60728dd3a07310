import type { IExecuteFunctions, IWebhookFunctions } from 'n8n-workflow';

/** What the node remembers of its questions, in the execution: as long as that waits, in a loop, across a restart of n8n. */
export interface Memory {
  /** What the engine signs the answers with. */
  secret?: string;
  /** The question that is waited for. */
  inquiryId?: string;
  /** How many questions there were. */
  asked?: number;
}

/** The memory, to read and to write, while the node asks. */
export const memoryOf = (node: IExecuteFunctions): Memory => node.getContext('node');

/** The memory while an answer comes in. n8n lets a node look into it by an expression alone then. */
export function recalled(node: IWebhookFunctions): Memory {
  // Braces in a name would end the expression.
  const name = JSON.stringify(node.getNode().name).replaceAll('}', '\\u007d');
  const read = (field: keyof Memory) => node.evaluateExpression(`{{ $node[${name}].context.${field} }}`);
  return { secret: read('secret') as string, inquiryId: read('inquiryId') as string };
}
