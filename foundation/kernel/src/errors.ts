/**
 * The kind of refusal. The edge (HTTP, command line) maps a category to its own status once;
 * nothing inside knows status codes.
 *
 * - `invalid`: the request is malformed or names something unknown to the format
 * - `unauthenticated`: the caller is not established (credentials, proof, token)
 * - `forbidden`: the caller is known and not permitted
 * - `not-found`: the named thing does not exist, or the caller may not know that it does
 * - `conflict`: the thing is in another state, or the same key came with another body
 * - `too-large`, `rate-limited`: bounded on purpose
 * - `unavailable`: we cannot answer now (log not writable, database gone); nothing was released
 */
export type ErrorCategory =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'rate-limited'
  | 'unavailable';

export interface CodedErrorOptions {
  /** Stable machine-readable code in snake_case, part of the public interface. */
  readonly code: string;
  readonly category: ErrorCategory;
  /** Shown to the caller: what is wrong and what to do next. Never a secret, a token or personal data. */
  readonly detail: string;
  /** Machine-readable public facts beside the detail (a counterexample, the field at fault). */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** For our log only. */
  readonly internal?: string;
  readonly cause?: unknown;
}

/**
 * A request that must stop, with a code the caller can branch on.
 *
 * A plain `Error` that reaches an edge is our own bug and is answered as `internal_error` without detail.
 */
export class CodedError extends Error {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly detail: string;
  readonly facts: Readonly<Record<string, unknown>> | undefined;
  readonly internal: string | undefined;

  constructor(options: CodedErrorOptions) {
    super(`${options.code}: ${options.detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CodedError';
    this.code = options.code;
    this.category = options.category;
    this.detail = options.detail;
    this.facts = options.facts;
    this.internal = options.internal;
  }
}

/** Error codes of one contract, with the category of each. */
export interface ErrorVocabulary<Codes extends Readonly<Record<string, ErrorCategory>>> {
  readonly codes: Codes;
  error(
    code: keyof Codes & string,
    detail: string,
    extra?: { facts?: Readonly<Record<string, unknown>>; internal?: string; cause?: unknown },
  ): CodedError;
  /** Whether an error has this code of the vocabulary. */
  is(error: unknown, code: keyof Codes & string): error is CodedError;
}

/**
 * A component's error codes with their categories, declared once in its contract. `error` and `is` accept only these codes, so a
 * misspelt code does not compile.
 *
 * @example
 * export const mandateErrors = errorVocabulary({ mandate_wider: 'forbidden' });
 * throw mandateErrors.error('mandate_wider', 'the child permits venue XLON, the parent does not');
 */
export function errorVocabulary<const Codes extends Readonly<Record<string, ErrorCategory>>>(
  codes: Codes,
): ErrorVocabulary<Codes> {
  return {
    codes,
    error(code, detail, extra = {}) {
      const category = codes[code];
      if (category === undefined) throw new Error(`undeclared error code ${code}`);
      return new CodedError({ code, category, detail, ...extra });
    },
    is: (error, code): error is CodedError => isCodedError(error, code),
  };
}

/**
 * True for a {@link CodedError}, optionally of one code. Prefer `is` of an {@link errorVocabulary}: it checks the spelling of the code.
 */
export function isCodedError(error: unknown, code?: string): error is CodedError {
  return error instanceof CodedError && (code === undefined || error.code === code);
}

/** Marks a branch that the types exclude; reaching it is our bug. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
