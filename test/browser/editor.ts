import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { type Owner, until } from '../n8n/n8n.ts';
import { chromiumCommand } from './suite.ts';

const WAIT_MS = 30_000;

export type Theme = 'light' | 'dark';

/** n8n's editor in a browser, used as a person does: by what stands there, with mouse and keyboard. */
export class Editor {
  private constructor(
    private readonly browser: Browser,
    readonly page: Page,
    private readonly url: string,
  ) {}

  static async open(url: string): Promise<Editor> {
    const browser = await chromium.launch({ ...(chromiumCommand && { executablePath: chromiumCommand }) });
    const page = await browser.newPage({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      locale: 'en-US',
      timezoneId: 'UTC',
    });
    page.setDefaultTimeout(WAIT_MS);
    return new Editor(browser, page, url);
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** What the page looks like, in a file: for whoever has to find out why a test failed. */
  async picture(name: string): Promise<string> {
    const path = join(tmpdir(), `warbler-${name.replace(/\W+/g, '-')}.png`);
    await this.page.screenshot({ path });
    return path;
  }

  /** What n8n itself calls a thing, for what has no label. */
  at(testId: string, within: Page | Locator = this.page): Locator {
    return within.locator(`[data-test-id="${testId}"]`);
  }

  /** The left panel of an open node. */
  get input(): Locator {
    return this.at('ndv-input-panel');
  }

  /** The right panel of an open node. */
  get output(): Locator {
    return this.at('output-panel');
  }

  get parameters(): Locator {
    return this.at('node-parameters');
  }

  async logIn({ email, password }: Owner): Promise<void> {
    await this.page.goto(this.url);
    await this.page.getByLabel('Email').fill(email);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.at('universal-add').waitFor();
  }

  async newWorkflow(): Promise<void> {
    await this.page.goto(`${this.url}/workflow/new`);
    await this.at('canvas-plus-button').waitFor();
  }

  /** Opens a node of a workflow. */
  async openNode(workflowId: string, nodeId: string): Promise<void> {
    await this.page.goto(`${this.url}/workflow/${workflowId}/${nodeId}`);
    await this.parameters.waitFor();
  }

  /** From an open node to the one after it, by its icon at the right edge; what is before it comes after in the page. */
  async nextNode(name: string): Promise<void> {
    await this.at('floating-node').first().click();
    await this.at('inline-edit-preview', this.at('node-title-container')).getByText(name, { exact: true }).waitFor();
  }

  /** Goes on in that theme, which the editor takes from the system. */
  async changeTheme(theme: Theme): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.reload();
  }

  /** Searches the panel of nodes, as long as the workflow is empty. */
  async findNode(text: string): Promise<Locator> {
    await this.at('canvas-plus-button').click();
    return await this.searchPanel(text);
  }

  /** Adds our node to an empty workflow, for what its list of triggers calls so; it is open then. */
  async addTrigger(starts: string): Promise<void> {
    await (await this.findNode('Warbler')).click();
    await this.addEntry(starts);
  }

  /** Adds our node after the last one, for what its list of actions calls so; it is open then. */
  async addAction(does: string): Promise<void> {
    await this.at('canvas-handle-plus').click();
    await (await this.searchPanel('Warbler')).click();
    await this.addEntry(does);
  }

  private async searchPanel(text: string): Promise<Locator> {
    await this.at('node-creator-search-bar').fill(text);
    return this.at('item-iterator-item').filter({ hasText: 'Warbler' });
  }

  /** Takes an entry of the list of what our node can do, which the panel shows. */
  async addEntry(name: string): Promise<void> {
    await this.at('node-creator').getByText(name, { exact: true }).click();
    await this.parameters.waitFor();
  }

  async closeNode(): Promise<void> {
    await this.at('ndv-close-button').click();
    await this.parameters.waitFor({ state: 'hidden' });
  }

  /** Chooses from a menu of plain options. */
  async choose(parameter: string, option: string): Promise<void> {
    await this.at(`parameter-input-${parameter}`).click();
    await this.page
      .getByRole('option')
      .filter({ has: this.page.getByText(option, { exact: true }) })
      .click();
  }

  /** Opens the list of a field that names something on WhatsApp, and searches it as soon as something is in it. */
  async openList(parameter: string, search?: string): Promise<Locator> {
    await this.at('rlc-input', this.at(`resource-locator-${parameter}`)).click();
    const entries = this.at('rlc-item');
    await entries.first().waitFor();
    if (search !== undefined) await this.page.keyboard.type(search);
    return entries;
  }

  /** Chooses from such a list. */
  async pick(parameter: string, entry: string, search?: string): Promise<void> {
    await (await this.openList(parameter, search)).filter({ hasText: entry }).click();
  }

  /** What such a field says was chosen; undefined where it has no room for all of it. */
  async chosenIn(parameter: string): Promise<string | undefined> {
    const input = this.at('rlc-input', this.at(`resource-locator-${parameter}`));
    const isWhole = await input.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth);
    return isWhole ? await input.inputValue() : undefined;
  }

  /** Adds an option: they are the last thing of a node. */
  async addOption(name: string): Promise<void> {
    await this.at('collection-parameter-add', this.parameters).last().click();
    await this.page.getByRole('option', { name, exact: true }).click();
  }

  async type(parameter: string, text: string): Promise<void> {
    await this.at(`parameter-input-${parameter}`).locator('input, textarea').last().fill(text);
  }

  /** Drags a field of the input to a parameter, which makes an expression of it, and waits for what that `gives`. */
  async drag(field: string, parameter: string, gives: string): Promise<void> {
    const target = this.at(`parameter-input-${parameter}`);
    await this.input.getByText(field, { exact: true }).first().hover();
    await this.page.mouse.down();
    // Expressions grow while they are evaluated, and push down what is below them.
    await target.hover({ trial: true });
    const box = await target.boundingBox();
    if (!box) throw new Error(`There is no field ${parameter} to drag to`);
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await this.page.mouse.move(x - 30, y - 10, { steps: 3 });
    await this.page.mouse.move(x, y, { steps: 3 });
    await this.page.mouse.up();
    await this.parameters.getByText(gives).first().waitFor();
  }

  /** Presses the button that runs the open node: "Execute step", or "Listen for test event". */
  async execute(): Promise<void> {
    await this.at('node-execute-button', this.at('ndv')).click();
  }

  /** The items that the open node gave, as the output panel shows them: a few, since it renders what can be seen. */
  async items(): Promise<Array<Record<string, unknown>>> {
    await this.at('radio-button-json', this.output).click();
    return await until(
      'JSON in the output panel',
      async () => {
        const text = await this.at('ndv-data-container', this.output).innerText();
        try {
          return JSON.parse(text.replaceAll('\u00a0', ' ')) as Array<Record<string, unknown>>;
        } catch {
          return undefined;
        }
      },
      WAIT_MS,
    );
  }
}
