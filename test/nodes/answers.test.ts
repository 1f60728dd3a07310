import type { IExecuteSingleFunctions, IN8nHttpFullResponse, INodeExecutionData } from 'n8n-workflow';
import { answer, deletion } from '../../dist/nodes/Warbler/shared/answers.js';

type Step = (
  this: IExecuteSingleFunctions,
  items: INodeExecutionData[],
  response: IN8nHttpFullResponse,
) => Promise<INodeExecutionData[]>;

const context = { getNode: () => ({ name: 'Warbler' }), getItemIndex: () => 2 } as unknown as IExecuteSingleFunctions;

/** What an operation makes of an answer of the engine. */
async function outputOf(steps: unknown[], body: unknown, statusCode = 200): Promise<unknown[]> {
  let items: INodeExecutionData[] = [];
  for (const step of steps as Step[]) {
    items = await step.call(context, items, { statusCode, body, headers: {} } as IN8nHttpFullResponse);
  }
  for (const { pairedItem } of items) expect(pairedItem).toEqual({ item: 2 });
  return items.map(({ json }) => json);
}

test.each([
  ['content in data', { success: true, data: { msgId: 1 } }, [{ msgId: 1 }]],
  ['content beside success', { success: true, message: 'Resent.' }, [{ message: 'Resent.' }]],
  ['content alone', { status: 'connected' }, [{ status: 'connected' }]],
  ['a list', { success: true, data: [{ jid: 'a' }, { jid: 'b' }] }, [{ jid: 'a' }, { jid: 'b' }]],
  ['an empty list', { success: true, data: [] }, []],
  ['a list of addresses', { success: true, data: ['1@lid'] }, [{ jid: '1@lid' }]],
  ['a page', { success: true, data: { items: [{ jid: 'a' }], pagination: { total: 1 } } }, [{ jid: 'a' }]],
  ['a page of a log', { success: true, data: { current_page: 1, data: [{ id: 7 }], total: 1 } }, [{ id: 7 }]],
  ['nothing', { success: true, data: {} }, [{ success: true }]],
])('%s becomes items that belong to the item that asked', async (_name, body, expected) => {
  expect(await outputOf(answer, body)).toEqual(expected);
});

test.each([
  [200, { success: true, message: 'Message deleted successfully.' }],
  [204, ''],
])('a deletion answered by %i is confirmed as n8n does', async (statusCode, body) => {
  expect(await outputOf(deletion, body, statusCode)).toEqual([{ deleted: true }]);
});

test('a refused deletion is not confirmed', async () => {
  await expect(outputOf(deletion, { message: 'There is no message 7.' }, 404)).rejects.toThrow('no message 7');
});
