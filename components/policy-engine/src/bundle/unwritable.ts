import type { PolicyBundle } from '@countersign/contracts';
import { canonicalize, isCodedError } from '@countersign/kernel';
import type { LocatedProblem } from './located.ts';

/**
 * What of a bundle could not be kept as it is: text that the database or the log does not take, nesting that has no
 * canonical form. Found out here, and not by whoever has approved it and recorded that.
 */
export function unwritableIn({
  schema,
  policies,
  entities,
  limits,
  rates,
  tests,
}: PolicyBundle): readonly LocatedProblem[] {
  const parts: readonly (readonly [string, unknown])[] = [
    ['schema.cedarschema', schema],
    ...policies.map(({ file, text }) => [file, text] as const),
    ['entities.json', entities],
    ['limits.json', { limits, rates }],
    ...tests.map(({ file, content }) => [`tests/${file}`, content] as const),
  ];
  return parts.flatMap(([file, content]) => {
    const message = whyUnwritable(content);
    return message === undefined ? [] : [{ file, message }];
  });
}

function whyUnwritable(content: unknown): string | undefined {
  try {
    canonicalize(content);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.detail;
  }
  return holdsNul(content) ? 'it holds the character U+0000' : undefined;
}

function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => name.includes('\u0000') || holdsNul(member));
}
