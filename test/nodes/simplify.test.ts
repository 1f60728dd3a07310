import type { IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';
import { simplify } from '../../dist/nodes/Warbler/shared/simplify.js';

const items: INodeExecutionData[] = [{ json: { jid: '1@lid', name: null, imgUrl: 'x' }, pairedItem: { item: 2 } }];

/** What is left, with Simplify on or off; undefined: a workflow in which there is no such field. */
const left = async (simple: boolean | undefined) => {
  const context = { getNodeParameter: (_name: string, fallback: boolean) => simple ?? fallback };
  return await simplify(['jid', 'name', 'phone']).call(context as unknown as IExecuteSingleFunctions, items);
};

test('Simplify leaves the fields that most workflows read, as far as they are there', async () => {
  expect(await left(true)).toEqual([{ json: { jid: '1@lid', name: null }, pairedItem: { item: 2 } }]);
});

test.each([false, undefined])('Simplify that is %s leaves everything', async (simple) => {
  expect(await left(simple)).toEqual(items);
});
