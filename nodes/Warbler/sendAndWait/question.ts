import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

const SECONDS = { minutes: 60, hours: 3600, days: 86_400 };
type Unit = keyof typeof SECONDS;

const SHORTEST_S = 60;
const LONGEST_S = 30 * SECONDS.days;

const FEWEST_CHOICES = 2;
const MOST_CHOICES = 12;

/** How long the engine keeps a question open, and when it reminds of it, as the node's options say it. */
interface Options {
  limitWaitTime?: {
    values?: { limitType?: string; resumeAmount?: number; resumeUnit?: Unit; maxDateAndTime?: unknown };
  };
  reminder?: { values?: { reminderAmount?: number; reminderUnit?: Unit; reminderText?: string } };
}

/** What the engine is asked for: `POST /api/inquiries`, but for where the answer goes. */
export interface Question extends IDataObject {
  to: string;
  text: string;
  kind: 'approval' | 'choice' | 'text';
  /** Seconds. */
  expireAfter?: number;
}

/**
 * Unix milliseconds. A date that is picked has no time zone: it is read in that of the workflow, which expressions know.
 * An expression gives a DateTime, as text or without its methods.
 */
function momentOf(node: IExecuteFunctions, date: unknown): number {
  if (typeof date === 'object') return Number((date as { ts?: number } | null)?.ts);
  const text = String(date).trim().replace(' ', 'T');
  // Becomes part of an expression, so it must not bring one.
  if (!/^[\dTZ:.+-]+$/.test(text)) return Number.NaN;
  return Number(node.evaluateExpression(`{{ DateTime.fromISO("${text}").toMillis() }}`, 0));
}

function limitOf(node: IExecuteFunctions, { limitWaitTime }: Options): number | undefined {
  if (!limitWaitTime?.values) return undefined;
  const { limitType, resumeAmount = 1, resumeUnit = 'hours', maxDateAndTime } = limitWaitTime.values;
  const isDate = limitType === 'atSpecifiedTime';
  const seconds = isDate ? (momentOf(node, maxDateAndTime) - Date.now()) / 1000 : resumeAmount * SECONDS[resumeUnit];
  if (seconds >= SHORTEST_S && seconds <= LONGEST_S) return Math.round(seconds);
  throw new NodeOperationError(node.getNode(), 'Limit Wait Time is from one minute to 30 days', {
    description: isDate ? 'Check the date: it has to lie ahead by that much.' : 'Check the amount and its unit.',
    itemIndex: 0,
  });
}

function reminderOf({ reminder }: Options): IDataObject | undefined {
  if (!reminder?.values) return undefined;
  const { reminderAmount = 1, reminderUnit = 'hours', reminderText } = reminder.values;
  return { after: Math.round(reminderAmount * SECONDS[reminderUnit]), ...(reminderText && { text: reminderText }) };
}

const linesOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : String(value).split('\n')).map((line) => String(line).trim()).filter(Boolean);

function choicesOf(node: IExecuteFunctions): string[] {
  const choices = linesOf(node.getNodeParameter('choices', 0));
  const { length } = choices;
  if (length >= FEWEST_CHOICES && length <= MOST_CHOICES) return choices;
  const range = `${FEWEST_CHOICES} to ${MOST_CHOICES}`;
  throw new NodeOperationError(node.getNode(), `Choices takes ${range} answers, one per line, and has ${length}`, {
    description: 'WhatsApp shows no other poll. For a question that has no list of answers choose Free Text.',
    itemIndex: 0,
  });
}

/** What belongs to the way in which the question is answered. */
function answersOf(node: IExecuteFunctions): Pick<Question, 'kind'> & IDataObject {
  switch (node.getNodeParameter('responseType', 0)) {
    case 'choice':
      return { kind: 'choice', options: choicesOf(node) };
    case 'freeText':
      return { kind: 'text', replyOnly: node.getNodeParameter('replyOnly', 0) as boolean };
    default: {
      const { approveLabel, disapproveLabel } = node.getNodeParameter('approvalOptions.values', 0, {}) as IDataObject;
      return {
        kind: 'approval',
        ...(approveLabel && { approveLabel }),
        ...(disapproveLabel && { rejectLabel: disapproveLabel }),
      };
    }
  }
}

const UNREADABLE = '[object Object]';

/**
 * The words of the question. In the message that n8n suggests for a review, what the agent wants to give to the tool
 * (`$tool.parameters`) comes out unreadable; whoever approves it has to see it.
 */
function textOf(node: IExecuteFunctions): string {
  const message = String(node.getNodeParameter('message', 0));
  if (!node.getNode().type.endsWith('HitlTool') || !message.includes(UNREADABLE)) return message;
  const input = String(node.evaluateExpression('{{ JSON.stringify($tool.parameters, null, 2) }}', 0));
  return message.replaceAll(UNREADABLE, () => input);
}

/** Reads the question from the node's fields. Throws a NodeOperationError for a limit or choices that the engine does not take. */
export function questionOf(node: IExecuteFunctions): Question {
  const from = node.getNodeParameter('answerFrom', 0, '', { extractValue: true });
  const options = node.getNodeParameter('options', 0, {}) as Options;
  const expireAfter = limitOf(node, options);
  const reminder = reminderOf(options);
  return {
    to: String(node.getNodeParameter('to', 0, '', { extractValue: true })),
    text: textOf(node),
    ...answersOf(node),
    ...(from && { from: String(from) }),
    ...(expireAfter !== undefined && { expireAfter }),
    ...(reminder && { reminder }),
  };
}
