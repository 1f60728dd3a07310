import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import sharp from 'sharp';
import { root } from '../n8n/n8n.ts';
import type { Editor } from './editor.ts';

/** What passes by is no part of a picture: messages, and the button that comes up beside a trigger. */
const STYLE = '.el-notification, [data-test-id^="execute-workflow-button"] { visibility: hidden !important; }';

/** The pictures of the README, taken when `WARBLER_SCREENSHOTS` names a folder for them; else nothing is. */
export class Album {
  private readonly folder = process.env['WARBLER_SCREENSHOTS'];

  constructor(private readonly editor: Editor) {}

  /** Of something that shows as a whole. */
  async take(name: string, what: Locator): Promise<void> {
    if (this.folder) await this.keep(name, await what.screenshot({ style: STYLE }));
  }

  /** Of the nodes on the canvas. */
  async takeNodes(name: string): Promise<void> {
    const nodes = await this.editor.at('canvas-node').all();
    await this.takeAround(name, [nodes.at(0) as Locator, nodes.at(-1) as Locator], 112);
  }

  /** Of the fields of an open node. */
  async takeFields(name: string): Promise<void> {
    const fields = this.editor.at('parameter-item').locator('visible=true');
    await fields.last().waitFor();
    await this.takeAround(name, [this.editor.at('credentials-label'), fields.last()], 12);
  }

  /** Of what lies between the beginning of one thing and the end of another, with a margin. */
  private async takeAround(name: string, ends: [Locator, Locator], margin: number): Promise<void> {
    const [first, last] = await Promise.all(ends.map(async (end) => await end.boundingBox()));
    if (!first || !last) throw new Error(`What the picture ${name} is of does not show`);
    const { x, y } = first;
    const clip = {
      x: x - margin,
      y: y - margin,
      width: Math.max(first.width, last.x + last.width - x) + 2 * margin,
      height: Math.max(first.height, last.y + last.height - y) + 2 * margin,
    };
    if (this.folder) await this.keep(name, await this.editor.page.screenshot({ style: STYLE, clip }));
  }

  /** With a palette, which is a third of the size and looks the same. */
  private async keep(name: string, picture: Buffer): Promise<void> {
    const folder = resolve(root, this.folder as string);
    mkdirSync(folder, { recursive: true });
    await sharp(picture)
      .png({ palette: true, colours: 128, effort: 10 })
      .toFile(join(folder, `${name}.png`));
  }
}
