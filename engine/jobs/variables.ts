import type { JobRecord, SendRequest } from '../model.ts';

type Template = JobRecord['request'];

/** `{{name}}`, with or without spaces around the name; a name may be a column's title, with spaces in it. */
const VARIABLE = /\{\{\s*([^{}\s](?:[^{}]*[^{}\s])?)\s*\}\}/g;
/** Texts of a request that are not for people. */
const NOT_TEXT: readonly (keyof SendRequest)[] = ['kind', 'file', 'source', 'backgroundColor'];

/** The names of all variables in a message. */
export function variablesIn(message: Template): string[] {
  const names = new Set<string>();
  replaced(message, (text) => {
    for (const [, name] of text.matchAll(VARIABLE)) names.add(name!);
    return text;
  });
  return [...names];
}

/** The message as one recipient gets it. */
export function filledIn(message: Template, variables: Record<string, string>): Template {
  return replaced(message, (text) => text.replace(VARIABLE, (whole, name: string) => variables[name] ?? whole));
}

function replaced(message: Template, change: (text: string) => string): Template {
  const inside = (value: unknown): unknown => {
    if (typeof value === 'string') return change(value);
    if (Array.isArray(value)) return value.map(inside);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inside(one)]));
  };
  const fields = Object.entries(message).map(([name, value]) => [
    name,
    NOT_TEXT.includes(name as keyof SendRequest) ? value : inside(value),
  ]);
  return Object.fromEntries(fields) as Template;
}
