import { errorVocabulary } from '@countersign/kernel';
import { componentsOf, type ProcessGroup, processGroups } from './groups.ts';

export const partErrors = errorVocabulary({
  /** The name is neither a group nor a component. */
  component_unknown: 'invalid',
  /** Components of one group share keys and call each other in memory, so none of them can run alone. */
  components_belong_together: 'invalid',
  /** The configuration does not include the named part. */
  part_not_configured: 'invalid',
});

/**
 * Resolves a list of groups and components to groups, in the order of {@link processGroups}.
 * Components of one group use each other's methods that the table of calls does not include, so a group is the smallest unit
 * that can run alone.
 *
 * @throws CodedError `component_unknown`, `components_belong_together` if only some components of a group are named
 */
export function groupsNamed(names: readonly string[]): readonly ProcessGroup[] {
  const named = new Set(names);
  for (const name of named)
    if (!processGroups.some((group) => group === name || componentsOf(group).includes(name)))
      throw partErrors.error(
        'component_unknown',
        `${JSON.stringify(name)} is neither a group of processes (${processGroups.join(', ')}) nor a component (${processGroups.flatMap(componentsOf).join(', ')}).`,
      );
  const groups = processGroups.filter(
    (group) => named.has(group) || componentsOf(group).some((component) => named.has(component)),
  );
  for (const group of groups) if (!named.has(group)) requireWhole(group, named);
  return groups;
}

function requireWhole(group: ProcessGroup, named: ReadonlySet<string>): void {
  const missing = componentsOf(group).filter((component) => !named.has(component));
  if (missing.length === 0) return;
  const given = componentsOf(group).filter((component) => named.has(component));
  throw partErrors.error(
    'components_belong_together',
    `${given.join(', ')} cannot run without ${missing.join(', ')}: the components of ${group} share its keys and call each other in memory, which no call between processes replaces. Name all of them, or the group: --only ${group}.`,
    { facts: { group, together: [...componentsOf(group)] } },
  );
}
