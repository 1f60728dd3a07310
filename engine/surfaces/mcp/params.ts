import {
  CallToolRequestSchema,
  ErrorCode,
  InitializeRequestSchema,
  ListToolsRequestSchema,
  PingRequestSchema,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';

const REQUESTS: Record<string, z.ZodType> = {
  initialize: InitializeRequestSchema,
  ping: PingRequestSchema,
  'tools/list': ListToolsRequestSchema,
  'tools/call': CallToolRequestSchema,
};

/** Whether something is asked or told. This server asks its clients nothing: what answers it answers nothing. */
export const asksOrTells = (message: JSONRPCMessage) => 'method' in message;

/**
 * The answer to a request whose `params` are not what its method takes; undefined for every other message. The SDK
 * would call that its own fault, and print the whole of the schema's findings.
 */
export function refusedParams(message: JSONRPCMessage): JSONRPCMessage | undefined {
  const { id, method } = message as Partial<JSONRPCRequest>;
  if (id === undefined || method === undefined || !Object.hasOwn(REQUESTS, method)) return undefined;
  const [issue] = REQUESTS[method]!.safeParse(message).error?.issues ?? [];
  if (!issue) return undefined;
  const error = { code: ErrorCode.InvalidParams, message: `${issue.path.join('.') || 'params'}: ${issue.message}` };
  return { jsonrpc: '2.0', id, error };
}
