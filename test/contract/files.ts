import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'files');
const TYPES: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.mp4': 'video/mp4',
  '.3gp': 'video/3gpp',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.aac': 'audio/aac',
  '.pdf': 'application/pdf',
};

export const file = (name: string): Buffer => readFileSync(join(FOLDER, name));

/** A real web server on loopback that the files of media messages are fetched from. */
export class Files {
  private constructor(
    private readonly server: Server,
    private readonly origin: string,
  ) {}

  static async start(): Promise<Files> {
    const server = createServer((req, res) => {
      const name = (req.url ?? '/').slice(1);
      const type = TYPES[extname(name)];
      if (!type || !existsSync(join(FOLDER, name))) return void res.writeHead(404).end();
      res.writeHead(200, { 'content-type': type }).end(file(name));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Files(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  url(name: string): string {
    return `${this.origin}/${name}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}
