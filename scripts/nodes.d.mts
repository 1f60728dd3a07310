import type { INodePropertyOptions, INodeTypeDescription } from 'n8n-workflow';

export interface NodeOperation {
  resource: string;
  operation: string;
  option: INodePropertyOptions;
}

export declare function nodeOperations(description: INodeTypeDescription): NodeOperation[];
export declare function shapeOf(path: string): string;
export declare function outputSchemas(
  description: INodeTypeDescription,
  engineOperations: readonly object[],
): Array<[path: string, schema: object]>;
export declare function operationsTable(description: INodeTypeDescription): string;
