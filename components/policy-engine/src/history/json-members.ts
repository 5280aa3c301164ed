/** What was read from a record or from the database is unknown until its members have been looked at. */
export type Members = Readonly<Record<string, unknown>>;

export function membersOf(value: unknown): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

export function memberOf(value: unknown, name: string): unknown {
  return membersOf(value)?.[name];
}

/** Undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The same text, well-formed, in memory of its own: a piece that was cut out of a text keeps all of it in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
