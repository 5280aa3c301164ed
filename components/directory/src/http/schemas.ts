import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { editEnvelope, editSchema } from '../edit.ts';
import { entityReaders } from '../entities/index.ts';

export const strict = { additionalProperties: false } as const;
export const noQuery = Type.Object({}, strict);
const list = (schema: TSchema) => Type.Optional(Type.Array(schema));

/** Under a name of its own in the document of the interfaces. */
const titled = (kind: string, schema: TSchema) =>
  Type.Unsafe<unknown>({ ...schema, title: `${kind.charAt(0).toUpperCase()}${kind.slice(1)}` });

/** A directory file, as people write it. */
export const directoryFile = Type.Object(
  Object.fromEntries(
    Object.values(entityReaders).map((reader) => [reader.list, list(titled(reader.kind, reader.schema))]),
  ),
  { ...strict, title: 'DirectoryFile' },
);
export const clientDocument = titled('client', entityReaders.client.schema);
/** An entity of any kind, without the names by which identity providers know a person. */
export const entityDocument = Type.Record(Type.String(), Type.Unknown());

const kind = Type.Enum(Object.values(entityReaders).map((reader) => reader.kind));
const changeKind = Type.Enum(['add', 'change', 'remove']);

const changeMembers = {
  change: changeKind,
  kind,
  id: Type.String(),
  fields: Type.Optional(Type.Array(Type.String(), { description: 'Names of the members that differ.' })),
};
export const change = Type.Object(changeMembers, { ...strict, title: 'DirectoryChange' });
export const changed = Type.Object(
  { version: Type.Integer({ description: 'Of the directory' }), changes: Type.Array(change) },
  { ...strict, title: 'DirectoryChanges' },
);

export const changeStatus = Type.Enum(['proposed', 'approved', 'rejected', 'expired']);
export const changeRequest = Type.Object(
  {
    id: Type.String({ description: 'chg_...' }),
    status: changeStatus,
    proposedBy: Type.String(),
    decidedBy: Type.Optional(Type.String()),
    proposedAt: Type.String({ format: 'date-time' }),
    expiresAt: Type.String({ format: 'date-time' }),
    reason: Type.String(),
    changes: Type.Array(change),
    digest: Type.String({ description: 'What the approver names.' }),
  },
  { ...strict, title: 'DirectoryChangeRequest' },
);
export const changeRequestView = Type.Object(
  {
    request: changeRequest,
    stands: Type.Boolean({ description: 'Whether it can still be approved and would do what was proposed.' }),
    entities: Type.Array(
      Type.Object(
        {
          ...changeMembers,
          before: Type.Optional(entityDocument),
          after: Type.Optional(entityDocument),
        },
        strict,
      ),
    ),
  },
  strict,
);

const reason = Type.String({ minLength: 1, maxLength: 400, description: 'For people; it is recorded.' });
export const proposeBody = Type.Object(
  {
    reason,
    file: Type.Optional(directoryFile),
    prune: Type.Optional(Type.Boolean({ description: 'With a file: also remove what it leaves out.' })),
    edit: Type.Optional(editSchema),
  },
  { ...strict, description: 'Either a file or an edit.' },
);
/** The same without the documents' own shape, which the directory judges. */
export const proposeEnvelope = Type.Object(
  {
    reason,
    file: Type.Optional(Type.Unknown()),
    prune: Type.Optional(Type.Boolean()),
    edit: Type.Optional(editEnvelope),
  },
  strict,
);
export const approveBody = Type.Object(
  { digest: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'Digest of the change as it was read.' }) },
  strict,
);
export const rejectBody = Type.Object({ reason }, strict);

type Compiler = Pick<Parameters<FastifyInstance['route']>[0], 'validatorCompiler'>;

/**
 * For a body that the directory judges itself, because it tells everything that is wrong at once and with its place:
 * the body's schema describes it and refuses nothing. The query is checked as ever.
 */
export function judgedByDirectory(query: TSchema): Compiler {
  const validator = Compile(query);
  return {
    validatorCompiler:
      ({ httpPart }) =>
      (data: unknown) => {
        if (httpPart === 'body' || validator.Check(data)) return { value: data };
        const [first] = validator.Errors(data);
        return { error: new Error(`querystring${first?.instancePath ?? ''} ${first?.message ?? 'is invalid'}`) };
      },
  };
}
