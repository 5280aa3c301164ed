import {
  checkRequest,
  createEntitySnapshot,
  type EntityInput,
  type EntityUid,
  entitiesNamedIn,
  type RecordType,
  type ValueType,
} from '@countersign/cedar';
import { type EvaluationRequest, policyErrors } from '@countersign/contracts';
import { canonicalize, isCodedError, type Json, membersOf } from '@countersign/kernel';
import type { LoadedApplication } from '../bundle/loaded-bundle.ts';
import { misfitOf } from '../bundle/located.ts';
import { collectReferences, keyOf, referencesIn } from '../decision/entity-facts.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { type LocalEntity, type Posed, questionIn, type Uid } from '../decision/question.ts';
import { readAtLeast } from '../decision/request-context.ts';
import { actionsOf, candidatesOf } from '../decision/search.ts';
import type { SortedIds } from '../decision/visible.ts';
import type { Applications } from '../decision-point.ts';
import { memoised } from '../memoised.ts';

/** Maximum number and size of the entities reachable from one question, because the record of the decision holds them. */
const maxReached = 256;
const maxCharacters = 32_768;

const nothingShared = createEntitySnapshot([]);
const noClosure = { facts: [], listed: [], text: '[]' };

export interface WrittenEntitiesReader {
  current(namespace: string): WrittenEntities;
  /** Waits for at least this version. @throws CodedError `policy_behind` */
  atLeast(namespace: string, version: number): Promise<void>;
}

/** A question contains all reachable entities, so the record of the decision is complete. */
function createApplicationModel(
  application: LoadedApplication,
  written: WrittenEntitiesReader,
): InformationModel<EvaluationRequest> {
  const { model, loaded } = application;
  const { namespace } = model;
  const entities = (): ApplicationEntities => entitiesOf(application, written.current(namespace));
  const subjectOf = ({ subject }: EvaluationRequest): Uid => uidOf(application, subject);

  return {
    pose: (request) => pose(application, request, entities()),
    entitiesAtLeast: (version) => written.atLeast(namespace, version),
    outside: {
      atLeast: readAtLeast,
      read: async (request) => request,
      unread: (request) => request,
      refusal: () =>
        entities().proven
          ? undefined
          : {
              code: 'entities_unproven',
              detail:
                'The stored entities of this application model were not read yet or contradict their records. Ask again shortly; if it persists, ask the operator.',
            },
      limitsOn: () => undefined,
      about(request) {
        const { type, id } = subjectOf(request);
        // In Cedar's notation, so that it cannot be mistaken for a principal of the market.
        return { subject: { id: `${type}::${JSON.stringify(id)}` } };
      },
      async candidates(request) {
        const now = entities();
        if (!now.proven)
          throw policyErrors.error(
            'policy_not_loaded',
            'The stored entities of this application model contradict their records. Ask the operator.',
          );
        const idsOf = (type: string) => now.ids(typeIn(application, type));
        return {
          entityVersion: now.version,
          after: candidatesOf(request, {
            visible: { subjects: idsOf, resources: idsOf },
            actions: actionsOf(loaded),
            question: (evaluation) => questionIn(pose(application, evaluation, now)),
          }),
        };
      },
    },
  };
}

type Asked = EvaluationRequest['subject'];

function typeIn({ model }: LoadedApplication, type: string): string {
  // The claims have routed the question here, so the model has the type.
  const entity = Object.hasOwn(model.types, type) ? model.types[type]?.entity : undefined;
  return `${model.namespace}::${entity ?? 'Unknown'}`;
}

const uidOf = (application: LoadedApplication, { type, id }: Pick<Asked, 'type' | 'id'>): Uid => ({
  id,
  type: typeIn(application, type),
});

function pose(application: LoadedApplication, request: EvaluationRequest, entities: ApplicationEntities): Posed {
  const principal = uidOf(application, request.subject);
  const resource = uidOf(application, request.resource);
  const context = contextOf(application, request);
  const local = context === undefined ? undefined : localEntities(application, request, { context, entities });
  const posed = {
    principal,
    action: request.action.name,
    application: application.model.namespace,
    resource,
    shared: nothingShared,
    closure: noClosure,
    entityVersion: entities.version,
  };
  if (context === undefined || local === undefined) return { ...posed, context: {}, local: [], evaluable: false };
  return { ...posed, context, local, evaluable: true };
}

/** The declared context, from the action's properties and the request's context; undefined if it does not fit the schema. */
function contextOf(
  { loaded }: LoadedApplication,
  { action, context = {} }: EvaluationRequest,
): Readonly<Record<string, Json>> | undefined {
  const { schema } = loaded.parsed;
  const declared = schema.actions.find({ type: schema.actionType, id: action.name });
  const application = declared === undefined ? undefined : schema.applications.get(declared.reference);
  if (application === undefined) return undefined;
  const { properties = {} } = action;
  // A member in both places is ambiguous.
  for (const name of application.context.attributes.keys())
    if (Object.hasOwn(properties, name) && Object.hasOwn(context, name)) return undefined;
  return askedRecord(application.context, { ...context, ...properties });
}

function localEntities(
  application: LoadedApplication,
  request: EvaluationRequest,
  { context, entities }: { readonly context: Readonly<Record<string, Json>>; readonly entities: ApplicationEntities },
): readonly LocalEntity[] | undefined {
  const { loaded } = application;
  const { schema } = loaded.parsed;
  const asked = askedEntities(application, request, entities);
  if (asked === undefined) return undefined;
  const roots: EntityUid[] = [...asked.values()].flatMap(({ uid, parents }) => [uid, ...parents]);
  for (const { attrs } of asked.values()) collectReferences(attrs, roots);
  collectReferences(context, roots);
  const reached = entities.reachedFrom([...roots, ...entitiesNamedIn(loaded.parsed)], maxReached);
  if (reached === undefined) return undefined;
  const local = [...new Map([...reached, ...asked])]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, entity]) => plain(entity));
  const principal = uidOf(application, request.subject);
  const resource = uidOf(application, request.resource);
  const action = { type: schema.actionType, id: request.action.name };
  try {
    if (canonicalize(local).length > maxCharacters) return undefined;
    if (local.some((entity) => misfitOf(schema, entity) !== undefined)) return undefined;
    return checkRequest(schema, { principal, action, resource, context }).length === 0 ? local : undefined;
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function askedEntities(
  application: LoadedApplication,
  { subject, resource }: EvaluationRequest,
  entities: ApplicationEntities,
): ReadonlyMap<string, EntityInput> | undefined {
  const found = new Map<string, EntityInput>();
  for (const asked of [subject, resource]) {
    const uid = uidOf(application, asked);
    const key = keyOf(uid);
    const entity = askedEntity(application, asked, found.get(key) ?? entities.find(uid));
    if (entity === undefined) return undefined;
    found.set(key, entity);
  }
  return found;
}

function askedEntity(
  application: LoadedApplication,
  asked: Asked,
  stored: EntityInput | undefined,
): EntityInput | undefined {
  const { model, loaded } = application;
  const type = Object.hasOwn(model.types, asked.type) ? model.types[asked.type] : undefined;
  const uid = uidOf(application, asked);
  const declared = loaded.parsed.schema.entityTypes.get(uid.type);
  if (type === undefined || declared === undefined) return undefined;
  if (stored === undefined && type.open !== true) return undefined;
  const { properties = {} } = asked;
  const stated = Object.fromEntries(
    (type.properties ?? []).flatMap((name) => {
      const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const attrs = askedRecord(declared.attributes, stated);
  if (attrs === undefined) return undefined;
  return { uid, attrs: { ...stored?.attrs, ...attrs }, parents: stored?.parents ?? [] };
}

function plain({ uid, attrs, parents }: EntityInput): LocalEntity {
  return {
    // Attributes in the JSON form of Cedar.
    attrs: attrs as LocalEntity['attrs'],
    parents: parents.map(({ type, id }) => ({ id, type })),
    uid: { id: uid.id, type: uid.type },
  };
}

/**
 * Routes a question to the model that has the types of both subject and resource, if it lets the caller's client ask. The market model
 * denies any other question, so that callers cannot learn which models exist.
 */
export function createApplications(written: WrittenEntitiesReader): Applications {
  const modelOf = memoised((application: LoadedApplication) => createApplicationModel(application, written));
  return {
    answering({ claims }, { subject, resource }, { client }) {
      const application = claims.get(subject);
      if (application === undefined || claims.get(resource) !== application) return undefined;
      const { model, loaded } = application;
      if (client === undefined || !model.clients.ask.includes(client)) return undefined;
      return { namespace: model.namespace, model: modelOf(application), loaded };
    },
  };
}

const extensions = { decimal: 'decimal', ipaddr: 'ip', datetime: 'datetime', duration: 'duration' } as const;

/**
 * Converts a value of a question into Cedar's JSON form by its declared type: text into a decimal, an address or a time, and an id
 * into the name of an entity. The type never depends on the question.
 * @returns undefined for a value of another type
 */
function askedValue(type: ValueType, json: Json | undefined): Json | undefined {
  switch (type.kind) {
    case 'boolean':
      return typeof json === 'boolean' ? json : undefined;
    case 'long':
      return typeof json === 'number' && Number.isSafeInteger(json) ? json + 0 : undefined;
    case 'string':
      return typeof json === 'string' && json.isWellFormed() ? json : undefined;
    case 'decimal':
    case 'ipaddr':
    case 'datetime':
    case 'duration':
      return typeof json === 'string' && json.isWellFormed()
        ? { __extn: { arg: json, fn: extensions[type.kind] } }
        : undefined;
    case 'entity':
      return typeof json === 'string' && json.isWellFormed() ? { __entity: { id: json, type: type.type } } : undefined;
    case 'set':
      // The elements are read one by one.
      return Array.isArray(json) ? allOf(json as readonly Json[], type.element) : undefined;
    case 'record': {
      const members = membersOf(json);
      return members === undefined ? undefined : askedRecord(type, members);
    }
    default:
      return type satisfies never;
  }
}

/** The declared members of a record, without others. @returns undefined if a member has another type */
export function askedRecord(
  { attributes }: RecordType,
  members: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> | undefined {
  const read: [string, Json][] = [];
  for (const [name, { type }] of attributes) {
    if (!Object.hasOwn(members, name)) continue;
    const value = askedValue(type, members[name]);
    if (value === undefined) return undefined;
    read.push([name, value]);
  }
  return Object.fromEntries(read);
}

function allOf(items: readonly Json[], element: ValueType): Json | undefined {
  const values = items.map((item) => askedValue(element, item));
  // Without undefined, as checked.
  return values.includes(undefined) ? undefined : (values as Json[]);
}

export interface WrittenEntities {
  readonly version: number;
  readonly entities: readonly EntityInput[];
  /** False if rows contradict their records or were not read yet; the model then decides nothing. */
  readonly proven: boolean;
}

export const notRead: WrittenEntities = { version: 0, entities: [], proven: false };

/** All entities of a model. Those of the bundle take precedence over written ones. */
interface ApplicationEntities {
  readonly version: number;
  readonly proven: boolean;
  find(uid: EntityUid): EntityInput | undefined;
  ids(type: string): SortedIds;
  /** All entities reachable from the roots over parents and attributes; undefined if there are more than `most`. */
  reachedFrom(roots: Iterable<EntityUid>, most: number): ReadonlyMap<string, EntityInput> | undefined;
}

const known = new WeakMap<
  LoadedApplication,
  { readonly written: WrittenEntities; readonly made: ApplicationEntities }
>();

/** @param written the same object as long as nothing changes */
function entitiesOf(application: LoadedApplication, written: WrittenEntities): ApplicationEntities {
  const before = known.get(application);
  if (before?.written === written) return before.made;
  const made = make(application, written);
  known.set(application, { written, made });
  return made;
}

function make(
  { entities }: LoadedApplication,
  { version, entities: added, proven }: WrittenEntities,
): ApplicationEntities {
  const all = new Map<string, EntityInput>();
  for (const entity of [...added, ...entities]) all.set(keyOf(entity.uid), entity);
  const sorted = new Map<string, SortedIds>();
  return {
    version,
    proven,
    find: (uid) => all.get(keyOf(uid)),
    ids(type) {
      let ids = sorted.get(type);
      if (ids === undefined) {
        ids = [...all.values()].flatMap(({ uid }) => (uid.type === type ? [uid.id] : [])).sort();
        sorted.set(type, ids);
      }
      return ids;
    },
    reachedFrom(roots, most) {
      const reached = new Map<string, EntityInput>();
      const pending = [...roots];
      for (let uid = pending.pop(); uid !== undefined; uid = pending.pop()) {
        const key = keyOf(uid);
        const entity = reached.has(key) ? undefined : all.get(key);
        if (entity === undefined) continue;
        reached.set(key, entity);
        if (reached.size > most) return undefined;
        pending.push(...referencesIn(entity));
      }
      return reached;
    },
  };
}
