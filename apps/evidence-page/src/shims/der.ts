/** One element of DER: as much as public keys need. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/**
 * The elements that stand one after another in `bytes`.
 *
 * @throws Error when it is anything but a row of them
 */
export function readElements(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1] ?? 0x80;
    const octets = first < 0x80 ? 0 : first & 0x7f;
    let length = first < 0x80 ? first : 0;
    for (let next = 0; next < octets; next++) length = length * 256 + (bytes[at + 2 + next] ?? 0);
    const start = at + 2 + octets;
    if (octets > 3 || (first >= 0x80 && octets === 0) || start + length > bytes.length)
      throw new Error('this is not DER');
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}
