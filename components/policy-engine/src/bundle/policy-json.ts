/** A record as JSON has them. */
export function isPlainRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Its members; none of what is no record. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlainRecord(value) ? value : {};
}
