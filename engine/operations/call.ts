import { z } from 'zod';
import { rejectCall } from '../whatsapp/calls.ts';
import { toJid } from '../whatsapp/jid.ts';
import { operation } from './operation.ts';

export const reject = operation({
  id: 'call.reject',
  http: 'POST /api/calls/:callId/reject',
  access: 'session',
  summary: 'Reject a call that rings',
  input: z.object({
    callId: z.string().min(1).describe('Id of the call, from the call event'),
    from: z.string().min(1).describe('Who calls: the jid of the call event'),
  }),
  output: z.object({ message: z.string() }),
  run: async ({ session }, { callId, from }) => {
    await rejectCall(session, { id: callId, from: toJid(from, 'from') });
    return { message: 'Call rejected' };
  },
});
