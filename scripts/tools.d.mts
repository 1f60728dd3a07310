import type { ShownTool } from '../engine/surfaces/mcp/tools.ts';

export function toolsTable(tools: readonly ShownTool[]): string;
