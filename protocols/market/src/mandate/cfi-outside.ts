import { type Cfi, lettersAfter, parseCfi } from '../codes/index.ts';

/** Undefined if `prefixes` cover every such CFI. The search only descends into letters that continue some prefix. */
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
