const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined unless well-formed UTF-8. A byte order mark is kept, so that encoding gives the same bytes. */
export function decodeText(input: Uint8Array | string): string | undefined {
  if (typeof input === 'string') return input.isWellFormed() ? input : undefined;
  try {
    return decoder.decode(input);
  } catch {
    return undefined;
  }
}

/** Below U+0020, except a newline if allowed. */
export function hasControlCharacter(text: string, allowed: { readonly newline: boolean }): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point.
  return (allowed.newline ? /[\u0000-\u0009\u000b-\u001f]/ : /[\u0000-\u001f]/).test(text);
}
