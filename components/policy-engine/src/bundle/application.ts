import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import type { LoadedApplication, LoadedBundle } from './loaded-bundle.ts';
import type { LocatedProblem } from './located.ts';

/** Maximum number of entities of one model, from the bundle and from the interface together. */
export const maxApplicationEntities = 10_000;

/** The folder of a model inside the folder of a bundle. */
export const applicationFolder = ({ namespace }: Pick<ApplicationModel, 'namespace'>): string =>
  `applications/${namespace}/`;

/** The file in which a model declares types of authorization details. */
export const detailTypesFile = 'authorization-details.json';

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
