// Invisible characters, or characters that reverse neighbouring text: controls, formats, lone surrogates, line separators,
// fillers and variation selectors (Default_Ignorable_Code_Point of Unicode), and the blank Braille pattern. Two names that differ
// only by one of them look alike. The joiners (U+200C, U+200D) stay within words of scripts that need them.
const unseen =
  /(?!(?<=[\p{L}\p{M}])(?<![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])[\u200c\u200d](?=\p{L}))[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const everyUnseen = new RegExp(unseen.source, 'gu');

/** Whether a name or reason is one line of visible characters only. */
export function isVisibleText(text: string): boolean {
  return text.trim() !== '' && !unseen.test(text);
}

/** The trimmed text if it is one line of visible characters; undefined otherwise, or when it is too long. */
export function visibleLine(text: string, longest: number): string | undefined {
  const line = text.trim();
  return line.length <= longest && isVisibleText(line) ? line : undefined;
}

/**
 *
 * @param by replaces each invisible character
 */
export function replaceUnseen(text: string, by: string): string {
  return text.replace(everyUnseen, by);
}
