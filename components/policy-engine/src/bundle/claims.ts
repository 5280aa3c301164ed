import { isScope } from '@countersign/market';
import { applicationFolder } from './application.ts';
import type { LoadedApplication, LoadedBundle, TypeClaims } from './loaded-bundle.ts';
import type { LocatedProblem } from './located.ts';

/** AuthZEN types that only the market model answers for. */
const marketTypes: readonly string[] = ['person', 'service', 'agent', 'transaction', 'resource'];

/**
 * The model that answers for each type. A name must be unambiguous: one that two models claim, or that the market has in any
 * spelling, is refused.
 *
 * @returns the claims, and problems
 */
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
