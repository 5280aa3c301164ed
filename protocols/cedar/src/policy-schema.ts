import { schemaToJsonWithResolvedTypes } from '@cedar-policy/cedar-wasm/nodejs';
import { createActionSnapshot, type EntitySnapshot } from './entity-snapshot.ts';
import type { PolicyProblem } from './errors.ts';
import { askReference, problemsFrom } from './reference-parser.ts';
import { EntityReference } from './value.ts';

/** A schema in Cedar's schema syntax, and what evaluation needs of it. */
export interface PolicySchema {
  readonly text: string;
  /** The declared actions and the groups they are in. */
  readonly actions: EntitySnapshot;
  /** By the key of the action; a group that is never requested itself applies to no types. */
  readonly applications: ReadonlyMap<string, ActionApplication>;
}

/** The types of principal and resource an action is declared for. */
export interface ActionApplication {
  readonly principalTypes: ReadonlySet<string>;
  readonly resourceTypes: ReadonlySet<string>;
}

/** @returns the schema, or what is wrong with it */
export function readSchema(text: string): PolicySchema | { readonly problems: readonly PolicyProblem[] } {
  const parsed = askReference(() => schemaToJsonWithResolvedTypes(text));
  if (parsed.type === 'failure') return { problems: problemsFrom(parsed.errors, { source: 'schema', text }) };
  const actions = Object.entries(parsed.json).flatMap(([namespace, definition]) => {
    const actionType = namespace === '' ? 'Action' : `${namespace}::Action`;
    return Object.entries(definition.actions).map(([id, action]) => ({
      reference: new EntityReference(actionType, id),
      application: {
        principalTypes: new Set(action.appliesTo?.principalTypes),
        resourceTypes: new Set(action.appliesTo?.resourceTypes),
      },
      parents: (action.memberOf ?? []).map((group) => new EntityReference(group.type ?? actionType, group.id)),
    }));
  });
  return {
    text,
    actions: createActionSnapshot(actions),
    applications: new Map(actions.map(({ reference, application }) => [reference.key, application])),
  };
}
