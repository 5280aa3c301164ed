/** A piece of a `like` pattern in Cedar's JSON policy form, with neighbouring literals joined. */
export type PatternPiece = { readonly literal: string } | 'wildcard';

/**
 * `*` matches any run of characters, also an empty one. The leftmost position of each inner literal is sufficient, so no pattern
 * backtracks.
 */
export function compileLike(pieces: readonly PatternPiece[]): (text: string) => boolean {
  const literals = [''];
  for (const piece of pieces) {
    if (piece === 'wildcard') literals.push('');
    else literals.push((literals.pop() ?? '') + piece.literal);
  }
  const first = literals[0] ?? '';
  if (literals.length === 1) return (text) => text === first;
  const last = literals[literals.length - 1] ?? '';
  const inner = literals.slice(1, -1).filter((literal) => literal !== '');
  const shortest = literals.reduce((sum, literal) => sum + literal.length, 0);
  return (text) => {
    if (text.length < shortest || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let position = first.length;
    for (const literal of inner) {
      const found = text.indexOf(literal, position);
      if (found === -1 || found + literal.length > end) return false;
      position = found + literal.length;
    }
    return true;
  };
}
