import { setFlagsFromString } from 'node:v8';
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarErrors, type PolicyProblem } from './errors.ts';

// V8 of Node.js 20 can abort the whole process when it deoptimizes a function into which it has inlined a call to
// WebAssembly; hot compiled decisions beside many engine calls get there. Not inlining costs nothing measurable.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');

/** Turns exceptions of the reference engine (a trap, an unacceptable value) into `reference_failed`. */
export function askReference<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    throw cedarErrors.error('reference_failed', 'The Cedar reference engine did not answer.', {
      internal: String(cause),
      cause,
    });
  }
}

/** The engine's findings as problems. @param origin offset of its text in `text` */
export function problemsFrom(
  errors: readonly DetailedError[],
  at: {
    readonly source: 'policies' | 'schema';
    readonly text: string;
    readonly origin?: number;
    readonly policyId?: string;
  },
): PolicyProblem[] {
  return errors.flatMap((error) => {
    const location = error.sourceLocations?.[0];
    const origin = at.origin ?? 0;
    const parts = [error.message, location?.label, error.help].filter((part) => typeof part === 'string');
    return [
      {
        source: at.source,
        message: parts.join('; '),
        ...(at.policyId === undefined ? {} : { policyId: at.policyId }),
        ...(location === undefined
          ? {}
          : {
              start: utf16Offset(at.text, origin, location.start),
              end: utf16Offset(at.text, origin, location.end),
            }),
      },
      ...problemsFrom(error.related ?? [], at),
    ];
  });
}

/** The engine counts bytes of UTF-8. */
function utf16Offset(text: string, origin: number, utf8Offset: number): number {
  const bytes = Buffer.from(text.slice(origin, origin + utf8Offset), 'utf8').subarray(0, utf8Offset);
  return origin + bytes.toString('utf8').length;
}
