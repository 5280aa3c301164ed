/** The same text, well-formed, in memory of its own: a piece that was cut out of a text keeps all of it in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
