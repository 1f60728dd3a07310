import { z } from 'zod';
import { rejectCall } from '../whatsapp/calls.ts';
import { toJid } from '../whatsapp/jid.ts';
import { personJid, whatWasDone } from './fields.ts';
import { operation } from './operation.ts';
import { ASKING } from './refusals.ts';

export const reject = operation({
  id: 'call.reject',
  http: 'POST /api/calls/:callId/reject',
  access: 'session',
  summary: 'Reject a call that rings',
  errors: ASKING,
  input: z.object({
    callId: z
      .string()
      .min(1)
      .meta({ description: 'Id of the call, from the call event', examples: ['4D2F8C0B1A3E5F67'] }),
    from: personJid.min(1).describe('Who calls: the jid of the call event'),
  }),
  output: z.object({ message: whatWasDone('Call rejected') }),
  run: async ({ session }, { callId, from }) => {
    await rejectCall(session, { id: callId, from: toJid(from, 'from') });
    return { message: 'Call rejected' };
  },
});
