// Characters that nobody sees, or that turn round the text beside them: controls, formats, lone surrogates, separators of lines,
// fillers and variation selectors (Default_Ignorable_Code_Point of Unicode), and the blank Braille pattern. Two names that differ
// by one of them alone look alike. The joiners (U+200C, U+200D) stay within words of the scripts that need them.
const unseen =
  /(?!(?<=[\p{L}\p{M}])(?<![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])[\u200c\u200d](?=\p{L}))[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const everyUnseen = new RegExp(unseen.source, 'gu');

/** Whether every character of a name or a reason is one that people see: one line that says what it seems to say. */
export function isVisibleText(text: string): boolean {
  return text.trim() !== '' && !unseen.test(text);
}

/** The text without the spaces around it, where it is one line that people see whole; undefined for what is not, or is longer. */
export function visibleLine(text: string, longest: number): string | undefined {
  const line = text.trim();
  return line.length <= longest && isVisibleText(line) ? line : undefined;
}

/** @param by in the place of each character that nobody sees */
export function replaceUnseen(text: string, by: string): string {
  return text.replace(everyUnseen, by);
}
