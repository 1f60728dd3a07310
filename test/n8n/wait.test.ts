import { agentWorkflow } from './agent.ts';
import type { Phone, PhoneMessage } from './engine.ts';
import { Model } from './model.ts';
import { until } from './n8n.ts';
import { type Outcome, Witness } from './questions.ts';
import { withN8n } from './suite.ts';
import { chained, node, refusalOf, typed, warbler, Workbench } from './workbench.ts';

const MINUTE = 60_000;
const start = () => node('Start', 'n8n-nodes-base.manualTrigger', 1, {});
const items = (all: object[]) =>
  node('Items', 'n8n-nodes-base.code', 2, { jsCode: `return ${JSON.stringify(all.map((json) => ({ json })))}` });

type Asked = PhoneMessage & { execution: string };

interface Delivery {
  id: number;
  event_id: string;
  status: string;
}

interface Answered {
  id: string;
  data: { answer?: { text?: string } };
}

interface Inquiry {
  question: string;
  status: string;
  expiresAt: string;
}

withN8n('Send and wait in a real n8n', () => {
  let bench: Workbench;
  let witness: Witness;
  let model: Model;
  let own: string;
  let robin: Phone;
  let alex: Phone;
  let sam: Phone;
  let kim: Phone;

  const limitedTo = (resumeAmount: number, resumeUnit: string) => ({
    limitWaitTime: { values: { limitType: 'afterTimeInterval', resumeAmount, resumeUnit } },
  });

  /** What nobody answers is asked first, because a minute is the shortest time to wait for an answer. */
  const askInVain = async () => {
    const reminder = { values: { reminderAmount: 1, reminderUnit: 'minutes', reminderText: 'Are you there?' } };
    const options = { ...limitedTo(1.2, 'minutes'), reminder };
    await ask('In time?', { to: typed(`+${kim.number}`), options }, kim);
    await review('Your table is lost', kim, limitedTo(1, 'minutes'));
  };

  beforeAll(async () => {
    [bench, witness, model] = await Promise.all([Workbench.start(), Witness.start(), Model.start()]);
    own = (await bench.engine.number()).replace('+', '');
    const numbers = ['15550100081', '15550100082', '15550100083', '15550100084'];
    const phones = await Promise.all(numbers.map(async (number) => await bench.engine.phone(number)));
    [robin, alex, sam, kim] = phones as [Phone, Phone, Phone, Phone];
    await askInVain();
  }, 5 * MINUTE);

  afterAll(async () => {
    console.log(`send and wait: ${Object.entries(witness.figures()).flat().join(' ')}`);
    witness.stop();
    model.stop();
    await bench?.stop();
  }, MINUTE);

  const question = (name: string, message: string, parameters: object = {}) =>
    warbler(name, 'message: sendAndWait', {
      session: typed('1'),
      to: typed(`+${robin.number}`),
      message,
      ...parameters,
    });

  /** Runs a workflow whose steps end with a question, and which tells what came of it. */
  async function begin(about: string, ...asking: Array<ReturnType<typeof node>>): Promise<string> {
    const nodes = [start(), ...asking, witness.step(about)];
    const workflow = { name: about, nodes, connections: chained(nodes.map(({ name }) => name)) };
    return await bench.n8n.begin(await bench.n8n.createWorkflow(workflow, bench.credential));
  }

  /** Waits for a question, and returns it as it is on the phone, once n8n waits for the answer. */
  async function asked(about: string, execution: string, phone = robin): Promise<Asked> {
    const seen = await phone.sees(about, ({ text, fromMe }) => text?.includes(about) && !fromMe);
    await waiting(execution);
    return { ...seen, execution };
  }

  const ask = async (about: string, parameters: object = {}, phone = robin) =>
    await asked(about, await begin(about, question('Ask', about, parameters)), phone);

  const waiting = async (execution: string) =>
    await until(
      'n8n to wait',
      async () => ((await bench.n8n.execution(execution)).status === 'waiting' ? true : undefined),
      20_000,
    );

  /** The question as the engine keeps it. */
  const inquiryOf = async (about: string): Promise<Inquiry | undefined> => {
    const { data } = await bench.engine.call<{ data: Inquiry[] }>('GET', '/api/inquiries?per_page=100');
    return data.find(({ question }) => question === about);
  };

  /** Until the engine has the answer. */
  const answered = async (about: string) =>
    await until('the answer', async () => (await inquiryOf(about))?.status === 'answered' || undefined, 20_000);

  /** The delivery of an answer, once n8n has taken it. */
  const delivered = async (text: string): Promise<Delivery> => {
    const { id } = await bench.engine.event<Answered>(text, ({ data }) => data.answer?.text === text);
    return await until(
      'n8n to take it',
      async () => {
        const path = '/api/whatsapp-sessions/1/deliveries?limit=500';
        const all = await bench.engine.call<Delivery[]>('GET', path);
        return all.find(({ event_id: event, status }) => event === id && status === 'delivered');
      },
      MINUTE,
    );
  };

  const vote = async (phone: Phone, { chat, id }: PhoneMessage, ...options: string[]) =>
    await phone.ask('POST', 'vote', { chat, id, options });
  const react = async (phone: Phone, { chat, id }: PhoneMessage, emoji: string) =>
    await phone.ask('POST', 'react', { chat, id, emoji });

  const asTool = (name: string, does: string, parameters: object, type = 'warblerTool') => ({
    ...warbler(name, does, { session: typed('1'), ...parameters }),
    type: `n8n-nodes-warbler.${type}`,
  });

  /** Runs an agent whose model uses the first tool once, then says what it was told. The last tool is the agent's. */
  async function runAgent(about: string, input: object, ...tools: Array<ReturnType<typeof node>>): Promise<string> {
    const tool = tools[0]!.name.replaceAll(' ', '_');
    model.says = ({ messages }) => {
      const last = messages.at(-1);
      return last?.role === 'tool' ? `The tool said: ${last.content}` : [{ tool, input }];
    };
    const credential = await model.credential(bench.n8n);
    const workflow = agentWorkflow(about, credential, tools, witness.step(about, '{ item: $json }'));
    return await bench.n8n.begin(await bench.n8n.createWorkflow(workflow, bench.credential));
  }

  /** What the agent says in the end. */
  const said = async (about: string, timeoutMs = 30_000): Promise<unknown> =>
    await until('the agent to end', async () => witness.of(about)[0]?.item?.['output'], timeoutMs);

  /** Runs an agent that wants to write to Alex, which somebody is asked to review, once n8n waits for that. */
  async function review(about: string, reviewer: Phone, options: object = {}): Promise<Asked> {
    const before = (await reviewer.messages()).at(-1)?.seq ?? 0;
    const text = "={{ $fromAI('text', 'What to write') }}";
    const execution = await runAgent(
      about,
      { toolParameters: { text: about }, hitlParameters: {} },
      asTool('Write to Alex', 'message: sendText', { to: typed(`+${alex.number}`), text }),
      asTool('Review', 'message: sendAndWait', { to: typed(`+${reviewer.number}`), options }, 'warblerHitlTool'),
    );
    const seen = await reviewer.sees('the review', ({ seq, poll }) => seq > before && poll);
    const shown = (await reviewer.messages(before)).map((message) => message.text).join();
    for (const part of ['Write_to_Alex', about]) expect(shown).toContain(part);
    await waiting(execution);
    return { ...seen, execution };
  }

  /** Goes through items in a loop, asking each person the same; tells what each has answered. */
  async function beginLoop(about: string, people: Phone[]): Promise<string> {
    const fields = {
      session: typed('1'),
      to: typed('={{ $json.phone }}'),
      message: about,
      responseType: 'freeText',
    };
    const nodes = [
      start(),
      items(people.map(({ number }) => ({ phone: `+${number}` }))),
      node('Loop', 'n8n-nodes-base.splitInBatches', 3, { options: {} }),
      warbler('Ask', 'message: sendAndWait', fields),
      witness.step(about, '{ item: $("Loop").item.json }'),
    ];
    const to = (name: string) => [{ node: name, type: 'main', index: 0 }];
    const connections = {
      Start: { main: [to('Items')] },
      Items: { main: [to('Loop')] },
      Loop: { main: [[], to('Ask')] },
      Ask: { main: [to('Tell')] },
      Tell: { main: [to('Loop')] },
    };
    return await bench.n8n.begin(await bench.n8n.createWorkflow({ name: about, nodes, connections }, bench.credential));
  }

  /** Who was asked in a loop, and what was told to have been their answer. */
  const toldIn = (about: string) => witness.of(about).map(({ data, item }: Outcome) => [item?.['phone'], data['text']]);

  describe('is approved or declined', () => {
    test('by a vote', async () => {
      const yes = await ask('Approve by a vote?');
      await vote(robin, yes, '✓ Approve');
      expect(await witness.outcome('Approve by a vote?')).toEqual({
        answered: true,
        approved: true,
        via: 'vote',
        respondedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        from: expect.objectContaining({ jid: robin.jid, phone: expect.stringContaining(robin.number) }),
        messageId: expect.any(String),
        type: expect.any(String),
      });
      const approvalOptions = { values: { approveLabel: 'Ship it', disapproveLabel: 'Keep it' } };
      const no = await ask('Decline by a vote?', { approvalOptions });
      await vote(robin, no, 'Keep it');
      expect(await witness.outcome('Decline by a vote?')).toMatchObject({ answered: true, approved: false });
    });

    test('by a reaction', async () => {
      await react(robin, await ask('Approve by a reaction?'), '👍🏽');
      expect(await witness.outcome('Approve by a reaction?')).toMatchObject({ approved: true, via: 'reaction' });
      await react(robin, await ask('Decline by a reaction?'), '❌');
      expect(await witness.outcome('Decline by a reaction?')).toMatchObject({ approved: false, via: 'reaction' });
    });

    test('in words', async () => {
      await ask('Approve in words?');
      await robin.send(own, 'What is it about?');
      await robin.send(own, ' approve ');
      expect(await witness.outcome('Approve in words?')).toMatchObject({ approved: true, via: 'message' });
    });
  });

  test('is answered in free words, by the next message or by a reply alone', async () => {
    await ask('In which words?', { responseType: 'freeText' });
    await robin.send(own, 'In these');
    expect(await witness.outcome('In which words?')).toMatchObject({
      answered: true,
      text: 'In these',
      via: 'message',
    });
    const { id } = await ask('In which reply?', { responseType: 'freeText', replyOnly: true });
    await robin.send(own, 'Not in this one');
    await robin.send(own, { text: 'In this one', replyTo: id });
    expect(await witness.outcome('In which reply?')).toMatchObject({ text: 'In this one', via: 'reply' });
  });

  test('is answered by one of several choices', async () => {
    const choices = 'Red\nGreen, light\nBlue';
    const voted = await ask('Which colour?', { responseType: 'choice', choices });
    await vote(robin, voted, 'Green, light');
    expect(await witness.outcome('Which colour?')).toMatchObject({ choice: 'Green, light', via: 'vote' });
    await ask('Which one in words?', { responseType: 'choice', choices });
    await robin.send(own, 'blue');
    expect(await witness.outcome('Which one in words?')).toMatchObject({ choice: 'Blue', text: 'blue' });
  });

  test('is answered by the one who was asked, whatever others in the group do', async () => {
    const members = { creator: own, subject: 'Board', participants: [robin.number, alex.number] };
    const { jid } = await bench.engine.sandbox<{ jid: string }>('POST', '/groups', members);
    const parameters = { to: typed(jid), answerFrom: typed(`+${robin.number}`) };
    const seen = await ask('Whose vote?', parameters, alex);
    await vote(alex, seen, '✗ Decline');
    await react(alex, seen, '👎');
    await alex.send(jid, 'decline');
    await vote(robin, await robin.sees('it', ({ id }) => id === seen.id), '✓ Approve');
    expect(await witness.outcome('Whose vote?')).toMatchObject({ approved: true, from: { jid: robin.jid } });
  });

  test(
    'is asked of one after the other in a loop',
    async () => {
      const people = [robin, alex, sam];
      const execution = await beginLoop('Who comes?', people);
      for (const person of people) {
        await person.sees('the question', ({ text }) => text?.includes('Who comes?'));
        await person.send(own, `I do, says ${person.number}`);
      }
      expect((await bench.n8n.outcomeOf(execution)).status).toBe('success');
      expect(toldIn('Who comes?')).toEqual(people.map(({ number }) => [`+${number}`, `I do, says ${number}`]));
    },
    2 * MINUTE,
  );

  test(
    'is not answered by the answer to the question before, told once more',
    async () => {
      const execution = await beginLoop('Who stays?', [robin, alex]);
      await asked('Who stays?', execution);
      await robin.send(own, 'I do');
      await asked('Who stays?', execution, alex);
      const { id } = await delivered('I do');
      await bench.engine.call('POST', `/api/whatsapp-sessions/1/deliveries/${id}/redeliver`);
      await delivered('I do');
      expect((await bench.n8n.execution(execution)).status).toBe('waiting');
      await alex.send(own, 'Not me');
      expect((await bench.n8n.outcomeOf(execution)).status).toBe('success');
      const answers = [
        [`+${robin.number}`, 'I do'],
        [`+${alex.number}`, 'Not me'],
      ];
      expect(toldIn('Who stays?')).toEqual(answers);
    },
    2 * MINUTE,
  );

  test('is not asked for several items at once, or when the engine refuses', async () => {
    const fields = { to: typed(`+${robin.number}`), message: 'Never asked', responseType: 'approval' };
    const many = await bench.run('message: sendAndWait', fields, { inputs: [{}, {}] });
    expect(refusalOf(many)?.description).toMatch(/Loop Over Items/);
    const refused = refusalOf(
      await bench.run('message: sendAndWait', { ...fields, responseType: 'choice', choices: 'One' }),
    );
    expect(refused).toMatchObject({
      message: expect.stringMatching(/Choices takes 2 to 12/),
      context: { itemIndex: 0 },
    });
    const settings = { onError: 'continueRegularOutput' };
    const [item] = await bench.outputs('message: sendAndWait', { ...fields, to: typed('nobody') }, { settings });
    expect(item?.json).toEqual({ error: expect.any(String) });
    expect(await robin.received()).not.toContain('Never asked');
  });

  test('is open until a date in the time zone of the workflow, picked or from an expression', async () => {
    const tomorrow = Math.ceil(Date.now() / MINUTE) * MINUTE + 24 * 60 * MINUTE;
    // What n8n takes for a workflow that does not say, is New York.
    const picked = new Date(tomorrow).toLocaleString('sv', { timeZone: 'America/New_York' }).replace(' ', 'T');
    const dates = { 'Until a date?': picked, 'For a day?': '={{ $now.plus({ days: 1 }) }}' };
    for (const [about, maxDateAndTime] of Object.entries(dates)) {
      const limitWaitTime = { values: { limitType: 'atSpecifiedTime', maxDateAndTime } };
      const seen = await ask(about, { options: { limitWaitTime } });
      const off = Date.parse((await inquiryOf(about))!.expiresAt) - tomorrow;
      expect(Math.abs(off)).toBeLessThan(2 * MINUTE);
      await vote(robin, seen, '✓ Approve');
      await witness.outcome(about);
    }
  });

  test('is answered by the engine alone', async () => {
    const seen = await ask('Whose answer?');
    const url = bench.engine.callbackUrl();
    const forge = async (to: string) => {
      const body = JSON.stringify({
        event: 'inquiry.answered',
        data: { status: 'answered', answer: { approved: true } },
      });
      return (await fetch(to, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
    };
    expect(await forge(url)).toBe(401);
    expect(await forge(url.replace(/signature=./, 'signature='))).toBe(401);
    expect(witness.of('Whose answer?')).toEqual([]);
    await vote(robin, seen, '✗ Decline');
    expect(await witness.outcome('Whose answer?')).toMatchObject({ approved: false });
  });

  describe('for an AI agent', () => {
    const reviewed = async (about: string, option: string) => {
      await vote(robin, await review(about, robin), option);
      return await said(about);
    };

    test('lets it use a tool once that is approved', async () => {
      expect(await reviewed('Your table is ready', '✓ Approve')).toMatch(/sent|queued|in_progress/);
      await alex.sees('what the agent wrote', ({ text }) => text === 'Your table is ready');
    });

    test('does not let it use a tool when that is declined, and the model is told', async () => {
      expect(await reviewed('Your table is gone', '✗ Decline')).toMatch(/rejected/);
      expect(await alex.received()).not.toContain('Your table is gone');
    });

    test('is a tool by which it asks a person', async () => {
      const to = typed(`+${robin.number}`);
      const fields = { to, responseType: 'freeText', message: "={{ $fromAI('question', 'What to ask') }}" };
      const tool = asTool('Ask Robin', 'message: sendAndWait', fields);
      const execution = await runAgent('By an agent', { question: 'Inside or outside?' }, tool);
      await asked('Inside or outside?', execution);
      await robin.send(own, 'Outside, please');
      expect(await said('By an agent')).toContain('Outside, please');
    });
  });

  // Before n8n is started anew, which takes an agent that waits for crashed then: see decision 8.
  test(
    'lets an agent use no tool that nobody has reviewed in time',
    async () => {
      expect(await said('Your table is lost', 2 * MINUTE)).toMatch(/rejected/);
      expect(await alex.received()).not.toContain('Your table is lost');
    },
    3 * MINUTE,
  );

  describe('survives', () => {
    test(
      'the end of the engine',
      async () => {
        const seen = await ask('Across the engine?');
        await bench.engine.kill();
        await bench.engine.launch();
        await vote(robin, seen, '✓ Approve');
        expect(await witness.outcome('Across the engine?')).toMatchObject({ approved: true });
      },
      2 * MINUTE,
    );

    test(
      'the end of n8n, and of both, before and after the answer; and n8n takes no silence for a yes',
      async () => {
        const early = await ask('Answered while n8n is down?');
        const late = await ask('Answered after both are back?');
        const before = question('Before', 'And before?');
        const now = question('Ask', 'Approved before, but now?', { options: limitedTo(1, 'days') });
        const execution = await begin('Approved before, but now?', before, now);
        await vote(robin, await asked('And before?', execution), '✓ Approve');
        const never = await asked('Approved before, but now?', execution);
        const unreviewed = await review('Your table is free', robin, limitedTo(1, 'days'));
        await bench.n8n.kill();
        await vote(robin, early, '✓ Approve');
        await answered('Answered while n8n is down?');
        await bench.engine.kill();
        for (const { execution: id } of [never, unreviewed]) bench.n8n.endWait(id);
        await bench.engine.launch();
        await bench.n8n.launch();
        expect(await witness.outcome('Answered while n8n is down?', MINUTE)).toMatchObject({ approved: true });
        const silence = { answered: false, approved: false, status: 'expired' };
        expect(await witness.outcome('Approved before, but now?', MINUTE)).toEqual(silence);
        expect(await said('Your table is free', MINUTE)).toMatch(/rejected/);
        expect(await alex.received()).not.toContain('Your table is free');
        await vote(robin, late, '✗ Decline');
        expect(await witness.outcome('Answered after both are back?', MINUTE)).toMatchObject({ approved: false });
        await robin.send(own, { text: 'approve', replyTo: never.id });
        await answered('Approved before, but now?');
        await delivered('approve');
      },
      4 * MINUTE,
    );
  });

  test(
    'goes on without an answer when the time is up, after a reminder',
    async () => {
      const silence = { answered: false, approved: false, status: 'expired' };
      expect(await witness.outcome('In time?', 2 * MINUTE)).toEqual(silence);
      const reminder = await kim.sees('the reminder', ({ text }) => text === 'Are you there?');
      expect(reminder.quoted?.text).toContain('In time?');
    },
    3 * MINUTE,
  );

  test('goes on once for each question', async () => {
    const { questions, resumes, doubled } = witness.figures();
    expect([resumes, doubled]).toEqual([questions, 0]);
  });
});
