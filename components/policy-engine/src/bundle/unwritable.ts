import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import { canonicalize, isCodedError } from '@countersign/kernel';
import { applicationFolder, detailTypesFile } from './application.ts';
import type { LocatedProblem } from './located.ts';

/**
 * Parts of a bundle that cannot be stored unchanged: text that the database or the log refuses, or JSON without a canonical form.
 * Checked on loading, before anybody approves it.
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
    // The rules of a model are checked with the model; these are its other parts.
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

/** Why content cannot be stored unchanged, in words. */
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
