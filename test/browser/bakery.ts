import { type Engine, Phone } from '../n8n/engine.ts';
import { until } from '../n8n/n8n.ts';

const OWN = '15550100001';
const PEOPLE = [
  ['15550100011', 'Ada Lindqvist'],
  ['15550100012', 'Ben Okafor'],
  ['15550100013', 'Clara Moreau'],
] as const;

/** What the shop is called in n8n's list of sessions. */
export const SHOP = 'Corner Bakery';
export const SECOND_PHONE = 'Support phone';

/** A small shop on the sandbox, with people who buy there: what the editor shows looks like somebody's own. */
export class Bakery {
  private constructor(
    readonly engine: Engine,
    readonly ada: Phone,
    readonly clara: Phone,
    /** The number of a session that waits for its QR code to be scanned. */
    readonly unscanned: number,
  ) {}

  static async open(engine: Engine): Promise<Bakery> {
    await engine.call('PUT', '/api/whatsapp-sessions/1', { name: SHOP });
    for (const [phone, name] of PEOPLE) {
      await engine.sandbox('POST', '/phones', { phone, name });
      await engine.sandbox('POST', `/phones/${OWN}/contacts`, { phone, name });
    }
    const other = { name: SECOND_PHONE, phone_number: '+15550100002' };
    const { id } = await engine.call<{ id: number }>('POST', '/api/whatsapp-sessions', other);
    await engine.call('POST', `/api/whatsapp-sessions/${id}/connect`);
    await until('the address book', async () => await addressBook(engine), 20_000);
    return new Bakery(engine, new Phone(engine, PEOPLE[0][0]), new Phone(engine, PEOPLE[2][0]), id);
  }

  /** The picture that the engine draws of the code that is to be scanned now. */
  async qrCode(): Promise<Buffer> {
    const response = await fetch(`${this.engine.url}/api/whatsapp-sessions/${this.unscanned}/qrcode`, {
      headers: { authorization: `Bearer ${this.engine.token}`, accept: 'image/png' },
    });
    return Buffer.from(await response.arrayBuffer());
  }
}

async function addressBook(engine: Engine): Promise<true | undefined> {
  const contacts = await engine.call<Array<{ name: string | null }>>('GET', '/api/contacts');
  return PEOPLE.every(([, name]) => contacts.some((contact) => contact.name === name)) || undefined;
}
