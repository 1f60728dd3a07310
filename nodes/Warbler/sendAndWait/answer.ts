import type { IDataObject, IWebhookDescription, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { doubtOf } from '../shared/signature';
import { recalled } from './memory';
import type { Question } from './question';

/** What the engine tells of a question that is over; without an answer when it has expired or failed. */
interface Inquiry {
  inquiryId: string;
  kind: Question['kind'];
  status: string;
  answer?: IDataObject;
  error?: string;
}

/** The address at which an execution waits; n8n signs it, and looks at the signature before it asks the node. */
export const webhooks: IWebhookDescription[] = [
  {
    name: 'default',
    httpMethod: 'POST',
    responseMode: 'onReceived',
    responseData: '',
    path: '={{ $nodeId }}',
    restartWebhook: true,
    isFullPath: true,
  },
];

/**
 * What comes out, as `data`: the answer in the words of n8n's own nodes (`approved`, `text` or `choice`, with
 * `respondedAt`), or that there is none. Silence approves nothing, so an approval is `approved: false` then.
 */
export function outcomeOf({ kind, status = 'expired', answer, error }: Partial<Inquiry>): IDataObject {
  if (answer) return { answered: true, ...answer };
  return { answered: false, ...(kind === 'approval' && { approved: false }), status, ...(error && { error }) };
}

/**
 * Takes what the engine posts when a question is over, and lets the execution go on. What the engine has not signed is
 * answered 401, and the execution waits on. The answer to an earlier question of a loop, which n8n has had, is taken
 * and changes nothing.
 */
export async function takeAnswer(this: IWebhookFunctions): Promise<IWebhookResponseData> {
  const { secret, inquiryId } = recalled(this);
  const doubt = secret ? doubtOf(this.getRequestObject(), secret) : 'No question waits for an answer here.';
  if (doubt !== undefined) {
    this.getResponseObject().status(401).json({ message: doubt });
    return { noWebhookResponse: true };
  }
  const inquiry = this.getBodyData().data as unknown as Inquiry;
  if (inquiry.inquiryId !== inquiryId) return { webhookResponse: { message: 'Another question is waited for now' } };
  return { workflowData: [[{ json: { data: outcomeOf(inquiry) }, pairedItem: { item: 0 } }]] };
}
