import { checkEntity, type EntityInput, type PolicyProblem, type PolicySchema } from '@countersign/cedar';
import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import { canonicalize, isCodedError } from '@countersign/kernel';

export const applicationFolder = ({ namespace }: Pick<ApplicationModel, 'namespace'>): string =>
  `applications/${namespace}/`;

export const detailTypesFile = 'authorization-details.json';

export interface LocatedProblem {
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  readonly policyId?: string;
  readonly code?: string;
  readonly message: string;
}

/** `orders.cedar:12:3 large-orders: attribute not found` */
export function describeProblem({ file, line, column, policyId, message }: LocatedProblem): string {
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}:${column ?? 1}`];
  const where = [...place, ...(policyId === undefined ? [] : [policyId])].join(' ');
  return where === '' ? message : `${where}: ${message}`;
}

export function joinPolicies({ policies }: Pick<PolicyBundle, 'policies'>): string {
  return policies.map(({ text }) => text).join('\n');
}

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

interface Checked {
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

/** The first error of a value by a schema, with its JSON pointer (RFC 6901); undefined without an error. */
export function firstFaultIn(value: unknown, schema: Checked): string | undefined {
  const [first] = schema.Errors(value);
  if (first === undefined) return undefined;
  const { instancePath, message } = first;
  return `${instancePath || '/'} ${message === 'schema is false' ? 'is not a known member' : message}`;
}

/**
 * Why an entity does not fit the schema, in words; undefined if it fits. Validated policies never find a wrong type or a missing
 * attribute in entities that fit.
 * @throws CodedError `entities_refused` for JSON that is not an entity
 */
export function misfitOf(schema: PolicySchema, entity: EntityInput): string | undefined {
  const [problem] = checkEntity(schema, entity);
  if (problem === undefined) return undefined;
  return `${entity.uid.type}::${JSON.stringify(entity.uid.id)} ${problem.where}: ${problem.message}`;
}

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
