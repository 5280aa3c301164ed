import type { CompiledPolicySet, EntityInput, ParsedPolicySet } from '@countersign/cedar';
import type { ApplicationDetailType, ApplicationModel, PolicyBundle } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import { isScope } from '@countersign/market';
import type { PolicyNotes } from './annotations.ts';
import type { LimitDefinition } from './limit-definitions.ts';
import { applicationFolder, type LocatedProblem } from './located.ts';

/** A bundle that is parsed, validated against its schema and compiled. Immutable. */
export interface LoadedBundle {
  readonly bundle: PolicyBundle;
  /** Over everything that affects decisions: the same rules have the same hash wherever they are read from. */
  readonly hash: Digest;
  readonly parsed: ParsedPolicySet;
  readonly compiled: CompiledPolicySet;
  readonly entities: readonly EntityInput[];
  readonly limits: readonly LimitDefinition[];
  notes(policyId: string): PolicyNotes;
  readonly applications: ReadonlyMap<string, LoadedApplication>;
  readonly claims: TypeClaims;
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
}

export interface LoadedApplication {
  readonly model: ApplicationModel;
  /** Its rules, without entities, because a question brings all reachable entities. */
  readonly loaded: LoadedBundle;
  readonly entities: readonly EntityInput[];
}

type TypeClaims = ReadonlyMap<string, LoadedApplication>;

export const maxApplicationEntities = 10_000;

/** The rules of a model as a bundle, so that they are read, validated, compiled and tested like those of the market. */
export function rulesOf({ schema, policies, entities, tests }: ApplicationModel): PolicyBundle {
  return { schema, policies, entities, limits: [], rates: {}, tests };
}

/** @returns the model with its rules, and problems that only a model can have */
export function applicationOf(
  model: ApplicationModel,
  rules: LoadedBundle,
): { readonly application: LoadedApplication; readonly problems: readonly LocatedProblem[] } {
  return {
    application: { model, loaded: { ...rules, entities: [] }, entities: rules.entities },
    problems: problemsOf(model, rules).map(([file, message]) => ({
      file: `${applicationFolder(model)}${file}`,
      message,
    })),
  };
}

function problemsOf(model: ApplicationModel, { parsed, notes, entities }: LoadedBundle): readonly [string, string][] {
  const { namespace, types } = model;
  const { schema, policies } = parsed;
  const problems: [string, string][] = [];
  const within = `${namespace}::`;
  for (const type of schema.entityTypes.keys())
    if (!isOwn(type, within))
      problems.push(['schema.cedarschema', `the type ${type} is not in the namespace ${namespace}`]);
  for (const [type, { tags }] of schema.entityTypes)
    if (tags !== undefined)
      problems.push(['schema.cedarschema', `${type} has tags, which an application model cannot have`]);
  for (const { type, id } of schema.applications.keys())
    if (type !== `${within}Action`)
      problems.push(['schema.cedarschema', `the action ${id} is not in the namespace ${namespace}`]);
  if (schema.applications.size === 0) problems.push(['schema.cedarschema', 'it declares no action']);
  for (const [name, { entity, properties = [] }] of Object.entries(types)) {
    const declared = schema.entityTypes.get(`${within}${entity}`);
    if (declared === undefined) problems.push(['model.json', `${name}: the schema declares no entity ${entity}`]);
    for (const property of properties)
      if (declared !== undefined && !declared.attributes.attributes.has(property))
        problems.push(['model.json', `${name}: ${entity} has no attribute ${property}`]);
  }
  for (const { id } of policies) {
    const { remedies, escalation, tokenLifetimeSeconds, timeStamp } = notes(id);
    if (remedies.length + escalation.length > 0 || tokenLifetimeSeconds !== undefined || timeStamp)
      problems.push([
        'model.json',
        `${id}: @remedy, @escalation, @token_lifetime_seconds and @time_stamp have no meaning in an application model`,
      ]);
  }
  if (entities.length > maxApplicationEntities)
    problems.push(['entities.json', `a model has at most ${maxApplicationEntities} entities`]);
  return problems;
}

function isOwn(type: string, within: string): boolean {
  return type.startsWith(within) && !type.slice(within.length).includes('::');
}

/** AuthZEN types that only the market model answers for. */
const marketTypes: readonly string[] = ['person', 'service', 'agent', 'transaction', 'resource'];

/** The model that answers for each type. A name that two models claim, or that the market has in any spelling, is refused. */
export function claimsOf(
  market: Pick<LoadedBundle, 'parsed'>,
  applications: readonly LoadedApplication[],
): { readonly claims: TypeClaims; readonly problems: readonly LocatedProblem[] } {
  const claims = new Map<string, LoadedApplication>();
  const taken = new Map<string, string>(marketTypes.map((name) => [name, 'the market']));
  const problems: LocatedProblem[] = [];
  const namespaces = new Map<string, string>();
  for (const application of applications) {
    const { model, loaded } = application;
    const file = `${applicationFolder(model)}model.json`;
    const note = (message: string): void => void problems.push({ file, message });
    const other = namespaces.get(model.namespace.toLowerCase());
    if (other !== undefined) note(`the namespace ${model.namespace} is already used by the model ${other}`);
    namespaces.set(model.namespace.toLowerCase(), model.namespace);
    const entityTypes = [...market.parsed.schema.entityTypes.keys()];
    if (entityTypes.some((type) => type.split('::')[0]?.toLowerCase() === model.namespace.toLowerCase()))
      note(`the namespace ${model.namespace} is a type or a namespace of the market`);
    for (const name of Object.keys(model.types)) {
      const owner = taken.get(name.toLowerCase());
      if (owner === undefined) {
        taken.set(name.toLowerCase(), `the model ${model.namespace}`);
        claims.set(name, application);
      } else note(`the type ${name} already belongs to ${owner}`);
    }
    for (const { id } of loaded.parsed.schema.applications.keys())
      if (isScope(id) || id === 'token:issue')
        problems.push({
          file: `${applicationFolder(model)}schema.cedarschema`,
          message: `the action ${id} belongs to the market; an application model must not declare it`,
        });
  }
  return { claims, problems };
}
