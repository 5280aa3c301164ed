import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import { canonicalize, isCodedError } from '@countersign/kernel';
import { applicationFolder, detailTypesFile } from './application.ts';
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
  applications = [],
}: PolicyBundle): readonly LocatedProblem[] {
  const parts: readonly (readonly [string, unknown])[] = [
    ['schema.cedarschema', schema],
    ...policies.map(({ file, text }) => [file, text] as const),
    ['entities.json', entities],
    ['limits.json', { limits, rates }],
    ...tests.map(({ file, content }) => [`tests/${file}`, content] as const),
    // The rules of a model are looked at with it; here is what it has beside them.
    ...applications.map((model) => [`${applicationFolder(model)}model.json`, describedOf(model)] as const),
    ...applications.map(
      (model) => [`${applicationFolder(model)}${detailTypesFile}`, model.authorizationDetails ?? []] as const,
    ),
  ];
  return parts.flatMap(([file, content]) => {
    const message = whyUnwritable(content);
    return message === undefined ? [] : [{ file, message }];
  });
}

function describedOf({ namespace, types, clients }: ApplicationModel): unknown {
  return { namespace, types, clients };
}

/** Why something cannot be kept as it is, in words. */
export function whyUnwritable(content: unknown): string | undefined {
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
