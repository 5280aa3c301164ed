const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text from outside, or undefined when it is not well-formed UTF-8. A byte order mark is kept as the character it
 * is, so that decoding and encoding give the same bytes. Callers bound the size first.
 */
export function decodeText(input: Uint8Array | string): string | undefined {
  if (typeof input === 'string') return input.isWellFormed() ? input : undefined;
  try {
    return decoder.decode(input);
  } catch {
    return undefined;
  }
}

/** True when the text has a character below U+0020, other than a newline where these are allowed. */
export function hasControlCharacter(text: string, allowed: { readonly newline: boolean }): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point.
  return (allowed.newline ? /[\u0000-\u0009\u000b-\u001f]/ : /[\u0000-\u001f]/).test(text);
}
