import { Engine } from '../n8n/engine.ts';
import { N8n, TEST_OWNER } from '../n8n/n8n.ts';
import { Album } from './album.ts';
import { Bakery, SECOND_PHONE, SHOP } from './bakery.ts';
import { Editor } from './editor.ts';
import { fieldPictures, workflowOfFields } from './fields.ts';
import { withBrowser } from './suite.ts';

const MINUTE = 60_000;

withBrowser("In n8n's editor", () => {
  let engine: Engine;
  let n8n: N8n;
  let bakery: Bakery;
  let editor: Editor;
  let album: Album;

  beforeAll(async () => {
    [engine, n8n] = await Promise.all([Engine.start(), N8n.start()]);
    [bakery, editor] = await Promise.all([Bakery.open(engine), Editor.open(n8n.url)]);
    album = new Album(editor);
    await editor.logIn(TEST_OWNER);
  }, 5 * MINUTE);

  afterAll(async () => {
    await editor?.close();
    await Promise.all([engine?.stop(), n8n?.stop()]);
  }, MINUTE);

  /** One thing that a person does; when it fails, a picture of the page says how far it came. */
  function step(name: string, does: () => Promise<void>): void {
    const run = async () => {
      try {
        await does();
      } catch (error) {
        process.stderr.write(`The editor when "${name}" failed: ${await editor.picture(name)}\n`);
        throw error;
      }
    };
    test(name, run, 2 * MINUTE);
  }

  step('both nodes are found by "WhatsApp", with their triggers and actions by resource', async () => {
    await editor.newWorkflow();
    await (await editor.findNode('WhatsApp')).click();
    const panel = editor.at('node-creator');
    await panel.getByText('On new message', { exact: true }).waitFor();
    await panel.getByText(/^Actions \(/).click();
    for (const words of ['Message Actions', 'Send text message', 'Session Actions', 'Get session QR code']) {
      await panel.getByText(words, { exact: true }).scrollIntoViewIfNeeded();
    }
    await editor.addEntry('Send text message');
  });

  step('a credential with a wrong token is refused in our words, and one with the right token accepted', async () => {
    const dialog = editor.at('credential-edit-dialog');
    await editor.page.getByText('Connect to Warbler').click();
    await editor.type('url', engine.url);
    await editor.type('token', 'wrong'.padEnd(40, '.'));
    await editor.page.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('More details').click();
    await dialog.getByText(/does not know this personal access token.*warbler token create/).waitFor();
    await editor.type('token', engine.token);
    await editor.page.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'hidden' });
  });

  step('a message goes to whoever was picked from the lists', async () => {
    await editor.pick('session', SHOP);
    expect(await editor.chosenIn('session')).toBe('Corner Bakery (+15550100001)');
    await editor.pick('to', 'Clara Moreau', 'clara');
    await editor.type('text', 'Your bread is ready, Clara!');
    await editor.execute();
    const [sent] = await editor.items();
    expect(sent).toMatchObject({ msgId: expect.any(Number), status: 'in_progress' });
    const seen = await bakery.clara.sees('the message', ({ text }) => text === 'Your bread is ready, Clara!');
    expect(seen.id).toBe(sent?.['id']);
    await album.take('message', editor.at('ndv'));
  });

  step('what the engine refuses is told with what to do', async () => {
    await editor.choose('resource', 'Session');
    await editor.choose('operation', 'Get QR Code');
    await editor.pick('session', SHOP);
    await editor.execute();
    await editor
      .at('node-error-message')
      .getByText(/This session is linked to an account and connected: there is no QR code to scan/)
      .waitFor();
    await editor.output
      .getByText(/Use it as it is.*For another account.*Session: Create/)
      .first()
      .waitFor();
  });

  step('the QR code is a picture in the output panel', async () => {
    await editor.pick('session', SECOND_PHONE);
    const before = await bakery.qrCode();
    await editor.execute();
    await editor.output.getByRole('button', { name: 'View' }).click();
    const picture = editor.output.locator('img');
    await picture.waitFor();
    const shown = await editor.page.request.get((await picture.getAttribute('src')) ?? '');
    // A code is replaced by the next within a minute: it is the one of before or that of now.
    expect([before, await bakery.qrCode()]).toContainEqual(await shown.body());
    await album.take('qr-code', editor.at('ndv'));
  });

  step('a trigger that listens shows what somebody writes', async () => {
    await editor.newWorkflow();
    await editor.addTrigger('On new message');
    await editor.pick('session', SHOP);
    // It registers itself: there is no URL to take anywhere.
    expect(await editor.at('ndv').getByText('Webhook URLs').count()).toBe(0);
    await editor.addOption('Test With');
    await editor.execute();
    await editor.at('trigger-listening').waitFor();
    await bakery.ada.send('+15550100001', 'Two baguettes for Saturday, please');
    await editor.at('radio-button-schema', editor.output).click();
    for (const shown of [
      'Two baguettes for Saturday, please',
      bakery.ada.number,
      'Ada Lindqvist',
      'messages.received',
    ]) {
      await editor.output.getByText(shown, { exact: true }).first().waitFor();
    }
    await album.take('trigger', editor.at('ndv'));
  });

  step('fields of the trigger are dragged into the answer', async () => {
    await editor.closeNode();
    await editor.addAction('Send text message');
    await editor.drag('sessionId', 'session', '1');
    await editor.drag('chat', 'to', bakery.ada.jid);
    await editor.drag('text', 'text', 'Two baguettes for Saturday, please');
    await editor.page.keyboard.press('Escape');
    await editor.execute();
    await editor.items();
    await bakery.ada.sees('the answer', ({ fromMe, text }) => !fromMe && text === 'Two baguettes for Saturday, please');
    await editor.closeNode();
    await album.takeNodes('workflow');
  });

  step('the icon fits the theme', async () => {
    const icon = editor.at('canvas-node').last().locator('img');
    expect(await icon.getAttribute('src')).toMatch(/warbler\.svg$/);
    await editor.changeTheme('dark');
    await icon.waitFor();
    expect(await icon.getAttribute('src')).toMatch(/warbler\.dark\.svg$/);
    await album.takeNodes('workflow-dark');
    await editor.changeTheme('light');
  });

  step('a node of each resource opens with what it was given', async () => {
    await editor.page.setViewportSize({ width: 1280, height: 1100 });
    const [credential] = await n8n.call<Array<{ id: string; name: string }>>('GET', '/rest/credentials');
    if (!credential) throw new Error('The credential was not kept');
    const { id } = await n8n.createWorkflow(workflowOfFields(), credential);
    for (const [index, picture] of fieldPictures.entries()) {
      await (index === 0 ? editor.openNode(id, picture) : editor.nextNode(picture));
      await album.takeFields(picture);
      expect(await editor.at('parameter-issues').count()).toBe(0);
    }
  });
});
