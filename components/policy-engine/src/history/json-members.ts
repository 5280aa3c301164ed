import { isObject } from '@countersign/kernel';

export type Members = Readonly<Record<string, unknown>>;

export function membersOf(value: unknown): Members | undefined {
  return isObject(value) ? value : undefined;
}

export function memberOf(value: unknown, name: string): unknown {
  return membersOf(value)?.[name];
}

/** Undefined for invalid JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A copy in its own memory, because a substring keeps the whole original text in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
