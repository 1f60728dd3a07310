import type { IExecuteSingleFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

const field: INodeProperties = {
  displayName: 'Simplify',
  name: 'simple',
  type: 'boolean',
  default: true,
  description: 'Whether to return a simplified version of the response instead of the raw data',
};

/**
 * The field of operations whose answer is wide. It is on by default for operations that came with it, and off for those
 * that are older: workflows read what these gave before.
 */
export const simplifyField = (byDefault: boolean): INodeProperties => ({ ...field, default: byDefault });

/** Last `postReceive` step of such an operation: of each item these fields are left, while Simplify is on. */
export function simplify(fields: string[]) {
  async function simplify(this: IExecuteSingleFunctions, items: INodeExecutionData[]): Promise<INodeExecutionData[]> {
    if (!this.getNodeParameter('simple', false)) return items;
    return items.map(({ json, ...item }) => ({
      ...item,
      json: Object.fromEntries(fields.filter((field) => field in json).map((field) => [field, json[field]])),
    }));
  }
  return Object.assign(simplify, { fields });
}
