import { type SchemaJson, schemaToJsonWithResolvedTypes } from '@cedar-policy/cedar-wasm/nodejs';
import { createActionSnapshot, type EntitySnapshot } from './entity-snapshot.ts';
import { cedarErrors, type PolicyProblem } from './errors.ts';
import { UnsupportedConstruct } from './json-policy.ts';
import { askReference, problemsFrom } from './reference-parser.ts';
import { type EntityType, entityTypesIn, qualified, type RecordType, SchemaTypes } from './schema-types.ts';
import { EntityReference } from './value.ts';

/** A schema in Cedar's schema syntax, with the parts that evaluation needs. */
export interface PolicySchema {
  readonly text: string;
  readonly actions: EntitySnapshot;
  /** For every declared action; a group that is never requested itself has no types. */
  readonly applications: ReadonlyMap<EntityReference, ActionApplication>;
  /** By full name. Action types are not among them. */
  readonly entityTypes: ReadonlyMap<string, EntityType>;
  /** Type of the actions: `Action`, or that of the one namespace that declares any. */
  readonly actionType: string;
}

/** The types of principal, resource and context an action is declared for. */
export interface ActionApplication {
  readonly principalTypes: ReadonlySet<string>;
  readonly resourceTypes: ReadonlySet<string>;
  readonly context: RecordType;
}

/** A schema that can be read, as plain data: its text, and the JSON form with every name resolved. */
export interface SchemaSource {
  readonly text: string;
  readonly json: SchemaJson<string>;
}

export function readSchema(
  text: string,
): (PolicySchema & SchemaSource) | { readonly problems: readonly PolicyProblem[] } {
  const parsed = askReference(() => schemaToJsonWithResolvedTypes(text));
  if (parsed.type === 'failure') return { problems: problemsFrom(parsed.errors, { source: 'schema', text }) };
  const { json } = parsed;
  try {
    return { ...schemaFrom({ text, json }), json };
  } catch (error) {
    // The parser knows a type that this package does not: the engine is newer.
    if (error instanceof UnsupportedConstruct)
      return { problems: [{ source: 'schema', message: `unsupported: ${error.message}` }] };
    // The parser resolves names but accepts an action that is its own ancestor.
    if (cedarErrors.is(error, 'entities_refused')) return { problems: [{ source: 'schema', message: error.detail }] };
    throw error;
  }
}

export function schemaFrom({ text, json }: SchemaSource): PolicySchema {
  const types = new SchemaTypes(json);
  const actions = Object.entries(json).flatMap(([namespace, definition]) => {
    const actionType = qualified(namespace, 'Action');
    return Object.entries(definition.actions).map(([id, action]) => ({
      reference: new EntityReference(actionType, id),
      application: {
        principalTypes: new Set(action.appliesTo?.principalTypes),
        resourceTypes: new Set(action.appliesTo?.resourceTypes),
        context: types.resolveRecord(action.appliesTo?.context),
      },
      parents: (action.memberOf ?? []).map((group) => new EntityReference(group.type ?? actionType, group.id)),
    }));
  });
  const actionTypes = new Set(actions.map(({ reference }) => reference.type));
  const [onlyType = 'Action'] = actionTypes;
  return {
    text,
    actionType: actionTypes.size > 1 ? 'Action' : onlyType,
    actions: createActionSnapshot(actions),
    applications: new Map(actions.map(({ reference, application }) => [reference, application])),
    entityTypes: entityTypesIn(json, types),
  };
}
