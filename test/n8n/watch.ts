import { setTimeout as sleep } from 'node:timers/promises';
import type { Phone, PhoneMessage } from './engine.ts';
import { type ExecutionSummary, type N8n, UNFINISHED, type Workflow } from './n8n.ts';

const LOOK_EVERY_MS = 300;
const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 } as const;

/** One line of what happens, with the time. */
export function tell(who: string, what: string): void {
  process.stdout.write(`${new Date().toLocaleTimeString('en-GB', CLOCK)}  ${who.padEnd(9)} ${what}\n`);
}

/** Tells what happens on the friend's phone and in the workflow, each thing once. */
export class Watch {
  private readonly executions = new Map<string, string>();

  private readonly messages: PhoneMessage[] = [];

  private seq = 0;

  private stopped = false;

  constructor(
    private readonly phone: Phone,
    private readonly n8n: N8n,
    private readonly workflow: Workflow,
  ) {}

  /** Messages are fetched first, so that an echo is never seen before its execution. */
  async look(): Promise<void> {
    const messages = await this.newMessages();
    const executions = await this.newExecutions();
    for (const { text } of messages.filter(({ fromMe }) => fromMe)) tell('phone', `Robin sends:     ${text}`);
    for (const { id, status } of executions) tell('workflow', `execution ${id}: ${status}`);
    for (const { text } of messages.filter(({ fromMe }) => !fromMe)) tell('phone', `Robin receives:  ${text}`);
    this.messages.push(...messages);
  }

  /** What earlier runs left is no news. */
  async skip(): Promise<void> {
    await this.newExecutions();
    while ((await this.newMessages()).length > 0);
  }

  /** Looks; then says whether a message of this phone has been answered, and its execution has ended. */
  async sawEchoOf(text: string): Promise<boolean> {
    await this.look();
    const isEchoed = this.messages.some((message) => !message.fromMe && message.text === `echo: ${text}`);
    return isEchoed && [...this.executions.values()].every((status) => !UNFINISHED.includes(status));
  }

  /** Looks again and again, and tells of each problem once. */
  async untilStopped(): Promise<void> {
    for (let last = ''; !this.stopped; await sleep(LOOK_EVERY_MS)) {
      const problem = await this.look().then(
        () => '',
        ({ message }: Error) => message,
      );
      if (problem && problem !== last && !this.stopped) tell('demo', problem);
      last = problem;
    }
  }

  stop(): void {
    this.stopped = true;
  }

  private async newExecutions(): Promise<ExecutionSummary[]> {
    const latest = await this.n8n.executions(this.workflow, 'webhook');
    const changed = latest.reverse().filter(({ id, status }) => this.executions.get(id) !== status);
    for (const { id, status } of changed) this.executions.set(id, status);
    return changed;
  }

  private async newMessages(): Promise<PhoneMessage[]> {
    const messages = await this.phone.messages(this.seq);
    this.seq = messages.at(-1)?.seq ?? this.seq;
    return messages;
  }
}
