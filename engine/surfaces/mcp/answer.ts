import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { toDataURL } from 'qrcode';
import type { EngineError } from '../../errors.ts';
import { SECRETS, without } from '../../operations/secrets.ts';
import type { McpTool } from './tools.ts';
import { fenced, NOTICE } from './untrusted.ts';

type Content = CallToolResult['content'];

/** What a tool answers: the output for programs, the same as text for models, and a QR code as a picture. */
export async function answer({ tool }: McpTool, output: unknown): Promise<CallToolResult> {
  // What no model needs to know, and what must not turn up in a conversation.
  const data = without(output, SECRETS);
  const text = tool.plain ? JSON.stringify(data, null, 1) : fenced(data);
  return {
    content: [{ type: 'text', text }, ...(await picture(data))],
    structuredContent: { ...(tool.plain ? {} : { notice: NOTICE }), data },
  };
}

async function picture(data: unknown): Promise<Content> {
  const { qrCode } = (data ?? {}) as { qrCode?: unknown };
  if (typeof qrCode !== 'string') return [];
  const url = await toDataURL(qrCode, { width: 512, margin: 2 });
  return [{ type: 'image', data: url.slice(url.indexOf(',') + 1), mimeType: 'image/png' }];
}

/** An error that the model reads: what happened, and how to go on. */
export function refusal(error: EngineError): CallToolResult {
  const { code, message, fields, details, retryAfterS } = error;
  const words = [
    message.replace(/[^.!?]$/, '$&.'),
    ...Object.values(fields ?? {}).flat(),
    ...(retryAfterS === undefined ? [] : [`It may succeed in ${retryAfterS} seconds; do not repeat it before.`]),
  ];
  return {
    isError: true,
    content: [{ type: 'text', text: words.join(' ') }],
    structuredContent: {
      error: {
        code,
        message,
        ...(fields && { errors: fields }),
        ...(retryAfterS !== undefined && { retry_after: retryAfterS }),
        ...(details && { details }),
      },
    },
  };
}
