/** The characters that RFC 6749 section 4.1.2.1 allows in a description: printable ASCII without quotation mark and backslash. */
export function plainText(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
