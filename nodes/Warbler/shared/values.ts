/**
 * Expressions that make what a person typed into what the engine takes, for `routing.send.value`. Each also takes the
 * finished value, which an expression in the field may give.
 */
const listSplitAt = (separator: string) =>
  `={{ (Array.isArray($value) ? $value : String($value).split("${separator}")).map((entry) => String(entry).trim()).filter((entry) => entry !== "") }}`;

/** `+1555…, +1556…` */
export const COMMA_LIST = listSplitAt(',');

/** One entry per line. */
export const LINES = listSplitAt('\\n');

/** A msgId is a number to the engine, WhatsApp's own message ID is text. */
export const MESSAGE_ID = '={{ /^\\d{1,15}$/.test($value) ? Number($value) : $value || undefined }}';

/**
 * A date field has no time zone of its own: it is read in that of the workflow. A DateTime that an expression gives
 * comes here as its fields, without its methods.
 */
export const UNIX_SECONDS =
  '={{ DateTime.isDateTime($value) ? Math.floor($value.ts / 1000) : DateTime.fromISO($value).toUnixInteger() }}';

/** The same for where the engine reads local time by itself. */
export const MOMENT = '={{ DateTime.isDateTime($value) ? $value.ts / 1000 : $value }}';

/** The same for where it wants a time that is the same everywhere. */
export const ISO_TIME =
  '={{ $value ? (DateTime.isDateTime($value) ? DateTime.fromMillis($value.ts) : DateTime.fromISO($value)).toUTC().toISO() : undefined }}';

/** A JSON field gives text when it was typed, and the finished value from an expression. */
export const JSON_VALUE = '={{ typeof $value === "string" ? JSON.parse($value) : $value }}';
