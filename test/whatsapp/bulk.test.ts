import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `1555020${String(n).padStart(4, '0')}`);
const phones = (count: number) => numbered(count).map((phone) => stage.sandbox.addPhone({ phone }).phone);
const texts = (phone: string) => stage.sandbox.messages(phone).map(({ text }) => text);

interface Progress {
  id: number;
  status: string;
  reason: { code: string; resumes_at: string | null } | null;
  total: number;
  counts: Record<string, number>;
}

const job = async (id: number) => (await stage.call('GET', `/api/bulk-jobs/${id}`)).body.data as Progress;

test('a message goes to every recipient, each with values of their own', async () => {
  const to = phones(5);
  const { status, body } = await stage.call('POST', '/api/bulk-jobs', {
    name: 'Invitation',
    text: 'Hello {{ first name }}, your code is {{code}}.',
    recipients: to.map((phone, n) => ({ to: `+${phone}`, variables: { 'first name': `Person ${n}`, code: n } })),
  });
  expect({ status, body }).toMatchObject({ status: 201, body: { data: { total: 5, pending: 5 } } });
  const { id } = body.data as Progress;
  await stage.until((events) =>
    events.find(({ event, data }) => event === 'bulk.status' && (data as { job: Progress }).job.status === 'completed'),
  );
  for (const [n, phone] of to.entries()) expect(texts(phone)).toEqual([`Hello Person ${n}, your code is ${n}.`]);
  const { counts } = await job(id);
  expect(counts['sent']! + counts['delivered']! + counts['read']!).toBe(5);
  expect(FRIEND && OWN).toBeTruthy();
});
