/** Words of Cedar's grammar that cannot be names of types or, without quotes, of attributes. */
const reserved: ReadonlySet<string> = new Set([
  ...['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'],
]);

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function isIdentifier(text: string): boolean {
  return identifier.test(text) && !reserved.has(text);
}
