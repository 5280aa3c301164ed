import {
  checkRequest,
  createEntitySnapshot,
  type EntityInput,
  type EntityUid,
  entitiesNamedIn,
} from '@countersign/cedar';
import { type EvaluationRequest, policyErrors } from '@countersign/contracts';
import { canonicalize, isCodedError, type Json } from '@countersign/kernel';
import type { LoadedApplication } from '../bundle/loaded-bundle.ts';
import { misfitOf } from '../bundle/misfit.ts';
import { actionsOf, candidatesOf } from '../decision/candidates.ts';
import { collectReferences, keyOf } from '../decision/entity-facts.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { type Posed, questionIn } from '../decision/posed.ts';
import type { LocalEntity, Uid } from '../decision/question.ts';
import { readAtLeast } from '../decision/request-context.ts';
import type { Applications } from '../decision-point.ts';
import { type ApplicationEntities, entitiesOf, type WrittenEntities } from './application-entities.ts';
import { askedRecord } from './asked-value.ts';

/** Entities that one question can come to, and characters of them: they are in the record of its decision. */
const maxReached = 256;
const maxCharacters = 32_768;

const nothingShared = createEntitySnapshot([]);
const noClosure = { facts: [], listed: [], text: '[]' };

/** What is written of the models over the interface, as this node has it. */
export interface WrittenEntitiesReader {
  current(namespace: string): WrittenEntities;
  /** Waits for a version that is no older. @throws CodedError `policy_behind` */
  atLeast(namespace: string, version: number): Promise<void>;
}

/**
 * How the model of an application makes questions. All that a question can come to goes with it, so the record of the
 * decision holds everything that it was made from.
 */
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
                'The stored entities of this model were not read yet, or are not those that were recorded: nothing is decided by them.',
            },
      limitsOn: () => undefined,
      about(request) {
        const { type, id } = subjectOf(request);
        // As Cedar writes it: nobody takes it for a principal of the market.
        return { subject: { id: `${type}::${JSON.stringify(id)}` } };
      },
      async candidates(request) {
        const now = entities();
        if (!now.proven)
          throw policyErrors.error(
            'policy_not_loaded',
            'The stored entities of this model are not those that were recorded.',
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
  // Whoever comes here was led by the claims: the model has the type.
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

/** What the schema declares of the circumstances, of the action's properties and of the context; undefined where it does not fit. */
function contextOf(
  { loaded }: LoadedApplication,
  { action, context = {} }: EvaluationRequest,
): Readonly<Record<string, Json>> | undefined {
  const { schema } = loaded.parsed;
  const declared = schema.actions.find({ type: schema.actionType, id: action.name });
  const application = declared === undefined ? undefined : schema.applications.get(declared.reference);
  if (application === undefined) return undefined;
  const { properties = {} } = action;
  // One that is said in two places could be meant in two ways.
  for (const name of application.context.attributes.keys())
    if (Object.hasOwn(properties, name) && Object.hasOwn(context, name)) return undefined;
  return askedRecord(application.context, { ...context, ...properties });
}

/** Everything the question can come to; undefined where it is not one that the policies can be asked. */
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

/** Subject and resource as they are stored, with the attributes that the question may state over them. */
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
    attrs: attrs as LocalEntity['attrs'],
    parents: parents.map(({ type, id }) => ({ id, type })),
    uid: { id: uid.id, type: uid.type },
  };
}

/**
 * Leads a question to the one model that answers for the types of both its subject and its resource, where the caller's
 * client may ask about it. Any other question is the market's, which knows nothing of these types and says no: a caller
 * does not learn which models there are.
 */
export function createApplications(written: WrittenEntitiesReader): Applications {
  const models = new WeakMap<LoadedApplication, InformationModel<EvaluationRequest>>();
  return {
    answering({ claims }, { subject, resource }, { client }) {
      const application = claims.get(subject);
      if (application === undefined || claims.get(resource) !== application) return undefined;
      const { model, loaded } = application;
      if (client === undefined || !model.clients.ask.includes(client)) return undefined;
      let made = models.get(application);
      if (made === undefined) {
        made = createApplicationModel(application, written);
        models.set(application, made);
      }
      return { namespace: model.namespace, model: made, loaded };
    },
  };
}
