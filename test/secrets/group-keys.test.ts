await import('../../engine/whatsapp/hardening.ts');
const { proto } = await import('../../engine/whatsapp/baileys.ts');
const { readMessage } = await import('../../engine/whatsapp/incoming.ts');

test('the key of a group that comes along with a message is neither stored with it nor told', () => {
  const key = Buffer.from('the chain key of this group');
  const distribution = { groupId: '1@g.us', axolotlSenderKeyDistributionMessage: key };
  const plaintext = proto.Message.encode({
    conversation: 'Hello all',
    senderKeyDistributionMessage: distribution,
    fastRatchetKeySenderKeyDistributionMessage: distribution,
  }).finish();
  const stanza = {
    tag: 'message',
    attrs: { id: '3EB0A1', from: '1@g.us', participant: '15550100002@s.whatsapp.net', t: '1750000000', type: 'text' },
  };
  const [message] = readMessage(stanza, Buffer.concat([plaintext, Buffer.of(1)]), {
    id: '15550100001:1@s.whatsapp.net',
    lid: undefined,
  });
  const known = { target: () => undefined, others: () => [], recovered: false };
  const told = JSON.stringify(message!.events(known));
  expect(told).toContain('Hello all');
  expect(told).not.toContain(key.toString('base64'));
  expect(message!.content!.includes('Hello all')).toBe(true);
  expect(message!.content!.includes(key)).toBe(false);
});
