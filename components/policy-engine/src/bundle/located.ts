import type { PolicyProblem } from '@countersign/cedar';
import type { PolicyBundle } from '@countersign/contracts';

/** A problem with a bundle, and its place. */
export interface LocatedProblem {
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  readonly policyId?: string;
  /** Stable code, for problems that programs distinguish. */
  readonly code?: string;
  readonly message: string;
}

/** `orders.cedar:12:3 large-orders: attribute not found` */
export function describeProblem({ file, line, column, policyId, message }: LocatedProblem): string {
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}:${column ?? 1}`];
  const where = [...place, ...(policyId === undefined ? [] : [policyId])].join(' ');
  return where === '' ? message : `${where}: ${message}`;
}

/** The policies of a bundle as one text. */
export function joinPolicies({ policies }: Pick<PolicyBundle, 'policies'>): string {
  return policies.map(({ text }) => text).join('\n');
}

/** The problem with its place in a file. */
export function locate(problem: PolicyProblem, { schema, policies }: PolicyBundle): LocatedProblem {
  const { policyId, message, source, start } = problem;
  const about = { ...(policyId === undefined ? {} : { policyId }), message };
  if (start === undefined) return about;
  if (source === 'schema') return { ...placeIn('schema.cedarschema', schema, start), ...about };
  let left = start;
  for (const { file, text } of policies) {
    if (left <= text.length) return { ...placeIn(file, text, left), ...about };
    left -= text.length + 1;
  }
  return about;
}

/** The start of a policy in the files of the bundle; empty if unknown. */
export function placeOf(
  policyText: string,
  { policies }: Pick<PolicyBundle, 'policies'>,
): Omit<LocatedProblem, 'message'> {
  for (const { file, text } of policies) {
    const offset = text.indexOf(policyText);
    if (offset !== -1) return placeIn(file, text, offset);
  }
  return {};
}

function placeIn(file: string, text: string, offset: number) {
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
