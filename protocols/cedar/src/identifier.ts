/** Words of Cedar's grammar that are no names, neither of types nor, without quotes, of attributes. */
const reserved: ReadonlySet<string> = new Set([
  'true',
  'false',
  'if',
  'then',
  'else',
  'in',
  'is',
  'like',
  'has',
  '__cedar',
]);

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether a text is a name as Cedar's grammar has it. */
export function isIdentifier(text: string): boolean {
  return identifier.test(text) && !reserved.has(text);
}
