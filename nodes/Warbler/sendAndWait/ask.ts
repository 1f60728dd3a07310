import { createHash, randomBytes } from 'node:crypto';
import type { IExecuteFunctions, INodeExecutionData, NodeApiError } from 'n8n-workflow';
import { NodeOperationError, WAIT_INDEFINITELY } from 'n8n-workflow';
import { ask } from '../shared/engine';
import { outcomeOf } from './answer';
import { memoryOf } from './memory';
import { questionOf, type Question } from './question';

/** How much later than the engine n8n itself gives up: only an engine that never comes back lets it come to that. */
const NET_MS = 3_600_000;

/** n8n waits once per run of a node, so it can wait for one answer. */
function assertOneItem(node: IExecuteFunctions): void {
  const { length } = node.getInputData();
  if (length <= 1) return;
  throw new NodeOperationError(node.getNode(), `There are ${length} items, and n8n waits for one answer at a time`, {
    description:
      'Put a Loop Over Items node with batches of one before this node, to ask for one item after the other. Or turn on Execute Once in the settings of this node, to ask for the first item alone.',
  });
}

/** The same for every try of one question, another one for the next. */
function keyOf(node: IExecuteFunctions, asked: number): string {
  const about = [node.getInstanceId(), node.getExecutionId(), node.getNode().id, asked];
  return `n8n-${createHash('sha256').update(JSON.stringify(about)).digest('hex')}`;
}

async function open(node: IExecuteFunctions, question: Question): Promise<void> {
  const memory = memoryOf(node);
  const { asked = 0 } = memory;
  memory.secret ??= `whsec_${randomBytes(32).toString('base64')}`;
  const { body } = await ask.call(node, {
    method: 'POST',
    path: '/api/inquiries',
    session: String(node.getNodeParameter('session', 0, '', { extractValue: true })),
    idempotencyKey: keyOf(node, asked),
    body: { ...question, callbackUrl: node.getSignedResumeUrl(), secret: memory.secret },
  });
  const { id } = (body as { data: { id: string } }).data;
  Object.assign(memory, { inquiryId: id, asked: asked + 1 });
}

/**
 * When its own limit is reached, n8n passes on what came into the node. That may be an earlier approval, which must not
 * be taken for this one: so what came in becomes what comes out when nobody answers.
 */
function expectSilence(node: IExecuteFunctions, question: Question): void {
  const silence: INodeExecutionData = { json: { data: outcomeOf(question) }, pairedItem: { item: 0 } };
  node.getExecuteData().data.main = [[silence]];
}

async function askAndWait(node: IExecuteFunctions): Promise<INodeExecutionData[][]> {
  assertOneItem(node);
  const question = questionOf(node);
  await open(node, question);
  const { expireAfter } = question;
  await node.putExecutionToWait(
    expireAfter === undefined ? WAIT_INDEFINITELY : new Date(Date.now() + expireAfter * 1000 + NET_MS),
  );
  const items = node.getInputData();
  expectSilence(node, question);
  return [items];
}

/**
 * The operation Message: Send and Wait for Response. The engine keeps the question, finds its answer, and posts that to
 * the address at which the execution waits (see answer.ts); it comes again while n8n is away or does not wait yet.
 */
export async function sendAndWait(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
  if (!this.continueOnFail()) return await askAndWait(this);
  return await askAndWait(this).catch((error: NodeApiError) => [[{ json: {}, error, pairedItem: { item: 0 } }]]);
}
