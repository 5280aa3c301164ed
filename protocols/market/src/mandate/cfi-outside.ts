import { type Cfi, lettersAfter, parseCfi } from '../codes/index.ts';

/**
 * A CFI that begins with `prefix` and with none of `prefixes`; undefined when together they take up all of
 * them. Only a letter that some prefix continues with needs a closer look, so the search stays small.
 */
export function cfiOutside(prefix: string, prefixes: readonly string[]): Cfi | undefined {
  if (prefixes.some((covering) => prefix.startsWith(covering))) return undefined;
  const cfi = parseCfi(prefix);
  if (cfi.ok) return cfi.value;
  const longer = prefixes.filter((inner) => inner.startsWith(prefix));
  for (const letter of lettersAfter(prefix)) {
    const found = cfiOutside(prefix + letter, longer);
    if (found !== undefined) return found;
  }
  return undefined;
}
