import { createEntitySnapshot } from '@countersign/cedar';
import type { EvaluationRequest } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { InformationModel } from '../../decision/information-model.ts';
import { type LocalEntity, type Posed, questionIn } from '../../decision/question.ts';
import { readAtLeast } from '../../decision/request-context.ts';
import { candidatesOf } from '../../decision/search.ts';

type Members = Readonly<Record<string, Json>>;
type Thing = EvaluationRequest['subject'];

const todoUser = (email: string, ...roles: string[]): Members => ({ email, roles });

/** The people of the AuthZEN Todo interop scenario, and the subjects of the certification scenario. */
const users: ReadonlyMap<string, Members> = new Map([
  [
    'CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs',
    todoUser('rick@the-citadel.com', 'admin', 'evil_genius'),
  ],
  ['CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', todoUser('morty@the-citadel.com', 'editor')],
  ['CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', todoUser('summer@the-smiths.com', 'editor')],
  ['CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', todoUser('beth@the-smiths.com', 'viewer')],
  ['CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', todoUser('jerry@the-smiths.com', 'viewer')],
  ['alice', { roles: [] }],
  ['bob', { roles: [], role: 'admin' }],
]);
const records: ReadonlyMap<string, Members> = new Map([
  ['record-1', { status: 'active' }],
  ['record-2', { status: 'archived' }],
]);
const actions = [
  'can_read_user',
  'can_read_todos',
  'can_create_todo',
  'can_update_todo',
  'can_delete_todo',
  'read',
  'write',
  'delete',
];

/**
 * An information model outside trading: it accepts the enforcement point's statements about a subject, an action and a
 * resource, as the interop scenarios require.
 */
export const interopModel: InformationModel<EvaluationRequest> = {
  pose,
  async entitiesAtLeast() {},
  outside: {
    atLeast: readAtLeast,
    read: async (request) => request,
    unread: (request) => request,
    refusal: () => undefined,
    limitsOn: () => undefined,
    about: ({ subject }) => ({ subject: { id: subject.id } }),
    candidates: async (request) => ({
      entityVersion: 1,
      after: candidatesOf(request, {
        visible: {
          subjects: (type) => (type === 'user' ? [...users.keys()].sort() : []),
          resources: (type) => (type === 'record' ? [...records.keys()].sort() : []),
        },
        actions,
        question: (evaluation) => questionIn(pose(evaluation)),
      }),
    }),
  },
};

const shared = createEntitySnapshot([]);

function pose({ subject, action, resource }: EvaluationRequest): Posed {
  const principal = { id: subject.id, type: 'User' };
  const attributes = subject.type === 'user' ? users.get(subject.id) : undefined;
  const soft = action.properties?.['soft'];
  const about = resourceOf(resource);
  const self = about?.uid.type === 'User' && about.uid.id === subject.id;
  return {
    principal,
    action: action.name,
    resource: about?.uid ?? { id: resource.id, type: resource.type },
    context: action.name === 'delete' && typeof soft === 'boolean' ? { soft } : {},
    local: [
      { attrs: { ...attributes, ...textsOf(subject, ['role']) }, parents: [], uid: principal },
      ...(about === undefined || self ? [] : [about]),
    ],
    shared,
    closure: { facts: [], listed: [], text: '[]' },
    entityVersion: 1,
    evaluable: attributes !== undefined && about !== undefined,
  };
}

function resourceOf(resource: Thing): LocalEntity | undefined {
  const { id } = resource;
  switch (resource.type) {
    case 'user':
      return { attrs: { roles: [] }, parents: [], uid: { id, type: 'User' } };
    case 'todo':
      return { attrs: textsOf(resource, ['ownerID']), parents: [], uid: { id, type: 'Todo' } };
    case 'record': {
      const attrs = { ...records.get(id), ...textsOf(resource, ['status']) };
      return { attrs, parents: [], uid: { id, type: 'Record' } };
    }
    default:
      return undefined;
  }
}

function textsOf({ properties }: Thing, names: readonly string[]): Members {
  return Object.fromEntries(
    names.flatMap((name) => (typeof properties?.[name] === 'string' ? [[name, properties[name]]] : [])),
  );
}
