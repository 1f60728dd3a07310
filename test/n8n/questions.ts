import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { until } from './n8n.ts';
import { node } from './workbench.ts';

/** What came out of a question, and for whom it was asked in a loop. */
export interface Outcome {
  data: Record<string, unknown>;
  item?: Record<string, unknown>;
}

/** Is told by workflows, at the step after a question, that they have gone on. */
export class Witness {
  private readonly told = new Map<string, Outcome[]>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Witness> {
    const server = createServer();
    const witness = new Witness(server);
    server.on('request', (request, response) => {
      void json(request).then((outcome) => {
        const name = decodeURIComponent(request.url!.slice(1));
        witness.told.set(name, [...witness.of(name), outcome as Outcome]);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return witness;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** The step that tells. `more` is an expression for what else it tells. */
  step(about: string, more = '{}'): ReturnType<typeof node> {
    const { port } = this.server.address() as AddressInfo;
    return node('Tell', 'n8n-nodes-base.httpRequest', 4.2, {
      method: 'POST',
      url: `http://127.0.0.1:${port}/${encodeURIComponent(about)}`,
      sendBody: true,
      specifyBody: 'json',
      jsonBody: `={{ JSON.stringify({ data: $json.data, ...${more} }) }}`,
    });
  }

  /** All that was told about something, oldest first. */
  of(about: string): Outcome[] {
    return this.told.get(about) ?? [];
  }

  /** The outcome, as soon as it is told. */
  async outcome(about: string, timeoutMs = 30_000): Promise<Record<string, unknown>> {
    return await until(`the outcome of ${about}`, async () => this.of(about)[0]?.data, timeoutMs);
  }

  /** How many questions were told about, how often in all, and how many more than once. */
  figures(): { questions: number; resumes: number; doubled: number } {
    const counts = new Map<string, number>();
    const all = [...this.told].flatMap(([about, outcomes]) =>
      outcomes.map(({ item }) => JSON.stringify([about, item])),
    );
    for (const question of all) counts.set(question, (counts.get(question) ?? 0) + 1);
    const doubled = [...counts.values()].filter((count) => count > 1).length;
    return { questions: counts.size, resumes: all.length, doubled };
  }
}
