import { FORGERIES, inWords, TABLE } from './table.ts';

const HEAD = `# What happens under each fault

One row for each thing that can go wrong with WhatsApp, as the sandbox does it on demand ([docs/sandbox.md](sandbox.md), \`POST /sandbox/faults\`), and what you see of it when a message comes in, when one is sent with \`wait\`, and when a session is linked. Written from \`test/faults/table.ts\`, to which \`test/faults\` holds the engine, cell by cell: when the fault is over, messages go both ways again, each once.

- A status is that of the session, with the code of its reason: \`GET /api/status\`, event \`session.status\`. Where none is named the session stays \`connected\`.
- A call answers 200 where nothing else is said. While a session connects again by itself, the call waits for it.
- \`connect\` is \`POST /api/whatsapp-sessions/{id}/connect\`; while WhatsApp cannot be had it answers 502, and is tried again all the same.
- Told as unreadable: event \`message.undecryptable\`, and \`message.recovered\` when its content comes after all.
- n/a: the fault cannot touch this direction, and does not: it goes as if there were none.

| fault | inbound | outbound | pairing |
|---|---|---|---|
`;

const FORGED = `
## Forgeries

| fault | what is seen of it | suite |
|---|---|---|
`;

/** docs/faults.md. \`UPDATE_FAULTS=1 npx jest test/faults/document\` writes it. */
export function documented(): string {
  const rows = TABLE.map((row) => {
    const cells = (['inbound', 'outbound', 'pairing'] as const).map((direction) => inWords(direction, row));
    return `| **${row.id}**: ${row.what} | ${cells.join(' | ')} |\n`;
  });
  const forgeries = FORGERIES.map(({ fault, what, suite }) => `| **${fault}** | ${what} | \`${suite}\` |\n`);
  return [HEAD, ...rows, FORGED, ...forgeries].join('');
}
