import type { PolicyProblem } from './errors.ts';

/** Brackets within brackets. The reference parser recurses, and a trap leaves its memory unusable for good. */
const maxNesting = 32;
/** Operators on one path from the outermost expression to an operand, for the same reason. */
const maxOperators = 96;
/** The parser fails only on much longer texts, and people write much shorter ones. */
export const maxTextLength = 1_048_576;

const token =
  /(?<comment>\/\/[^\n]*)|(?<string>"[^"\\]*(?:\\.[^"\\]*)*"?)|(?<integer>\d+)|(?<word>[A-Za-z_]\w*)|(?<open>[([{])|(?<close>[)\]}])|(?<separator>[,;])|(?<operator>&&|\|\||[=!<>]=|[-+*<>!.])/gs;
const wordOperators: ReadonlySet<string> = new Set(['in', 'is', 'has', 'like']);

/** Nesting that would exhaust the stack of the reference parser, found before it sees the text. */
export function lintPolicyText(text: string): readonly PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  const nesting: Operators[] = [new Operators()];
  for (const match of text.matchAll(token)) {
    const { word, open, close, separator, operator } = match.groups ?? {};
    const here = nesting.at(-1) ?? new Operators();
    const at = { source: 'policies', start: match.index, end: match.index + match[0].length } as const;
    if (operator === '&&' || operator === '||') here.junction();
    else if (word === 'if') here.branch();
    else if (operator !== undefined || (word !== undefined && wordOperators.has(word))) here.operator();
    if (separator !== undefined) here.separator();
    if (open !== undefined) nesting.push(new Operators());
    if (close !== undefined && nesting.length > 1) {
      nesting.pop();
      nesting.at(-1)?.nested(here.deepest());
    }
    if (nesting.length > maxNesting) {
      return [...problems, { ...at, message: `brackets are nested deeper than ${maxNesting}` }];
    }
    if ((nesting.at(-1)?.deepest() ?? 0) > maxOperators) {
      return [...problems, { ...at, message: `an expression is more than ${maxOperators} operators deep` }];
    }
  }
  return problems;
}

/** Rewrites each integer literal, but no digits in comments, strings and names. */
export function rewriteIntegers(text: string, rewrite: (digits: string) => string): string {
  return text.replaceAll(token, (whole, ...captured) => {
    // // The last argument holds the named groups.
    const { integer } = captured.at(-1) as { readonly integer?: string };
    return integer === undefined ? whole : rewrite(integer);
  });
}

/**
 * An upper bound on the depth of the expression between two brackets: `a.b == c && d.e` is as deep as its `&&`s and `||`s plus its
 * deepest operand; operands separated by commas are side by side.
 */
class Operators {
  #deepestSeparated = 0;
  #junctions = 0;
  #deepestOperand = 0;
  #operand = 0;
  #deepestNested = 0;

  operator(): void {
    this.#operand++;
  }

  nested(depth: number): void {
    this.#deepestNested = Math.max(this.#deepestNested, depth);
  }

  junction(): void {
    this.#closeOperand();
    this.#junctions++;
  }

  /** Its branches may hold junctions, and then it encloses them. */
  branch(): void {
    this.#junctions++;
  }

  separator(): void {
    this.#deepestSeparated = this.deepest();
    this.#closeOperand();
    this.#junctions = 0;
    this.#deepestOperand = 0;
  }

  deepest(): number {
    const operand = Math.max(this.#deepestOperand, this.#operand + this.#deepestNested);
    return Math.max(this.#deepestSeparated, this.#junctions + operand);
  }

  #closeOperand(): void {
    this.#deepestOperand = Math.max(this.#deepestOperand, this.#operand + this.#deepestNested);
    this.#operand = 0;
    this.#deepestNested = 0;
  }
}
