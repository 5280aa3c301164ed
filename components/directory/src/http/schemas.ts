import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { editEnvelope, editSchema } from '../edit.ts';
import { complianceSchema, desk as deskName, entityReaders, roles } from '../entities/index.ts';

export const strict = { additionalProperties: false } as const;
export const noQuery = Type.Object({}, strict);
const list = (schema: TSchema) => Type.Optional(Type.Array(schema));

/** Referenced by name in openapi.json. */
const titled = (kind: string, schema: TSchema) =>
  Type.Unsafe<unknown>({ ...schema, title: kind.split('-').map(capitalized).join('') });

function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

export const directoryFile = Type.Object(
  Object.fromEntries(
    Object.values(entityReaders).map((reader) => [reader.list, list(titled(reader.kind, reader.schema))]),
  ),
  { ...strict, title: 'DirectoryFile' },
);
export const clientDocument = titled('client', entityReaders.client.schema);
export const entityDocument = Type.Record(Type.String(), Type.Unknown());

const kind = Type.Enum([...Object.values(entityReaders).map((reader) => reader.kind), 'partner']);
const changeKind = Type.Enum(['add', 'change', 'remove']);

const changeMembers = {
  change: changeKind,
  kind,
  id: Type.String(),
  fields: Type.Optional(Type.Array(Type.String(), { description: 'Names of the members that differ.' })),
};
export const change = Type.Object(changeMembers, { ...strict, title: 'DirectoryChange' });
/** With its differing members if the plan asked for `values`. */
const plannedChange = Type.Object(
  {
    ...changeMembers,
    before: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Those members as they are.' })),
    after: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'And as they would be.' })),
  },
  { ...strict, title: 'PlannedDirectoryChange' },
);
export const planned = Type.Object(
  { version: Type.Integer({ description: 'Of the directory' }), changes: Type.Array(plannedChange) },
  { ...strict, title: 'DirectoryPlan' },
);
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
    current: Type.Boolean({ description: 'Whether it can still be approved with the proposed effect.' }),
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

export const departureStatus = Type.Enum(['in-progress', 'completed']);
export const departure = Type.Object(
  {
    id: Type.String({ description: 'dep_...' }),
    kind: Type.Enum(['leave', 'move']),
    principal: Type.String(),
    at: Type.String({ format: 'date-time' }),
    record_id: Type.String({ description: 'Of the record that says so.' }),
    effects: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'What ends, in this order.' }),
          status: Type.Enum(['pending', 'done']),
          ended: Type.Optional(Type.Integer({ minimum: 0, description: 'How many.' })),
          last_failure: Type.Optional(Type.String({ description: 'Error code of the last failed attempt.' })),
        },
        strict,
      ),
    ),
    status: departureStatus,
  },
  { ...strict, title: 'Departure' },
);
export const leaveBody = Type.Object({ reason }, strict);
export const moveBody = Type.Object(
  {
    desk: Type.Optional(
      Type.Union([deskName, Type.Null()], { description: 'Null removes the desk; left out keeps it.' }),
    ),
    roles: Type.Optional(roles),
    reason,
  },
  { ...strict, minProperties: 2 },
);
export const holdings = Type.Object(
  {
    kind: Type.Enum(['person', 'service', 'agent']),
    institution: Type.String(),
    document: entityDocument,
    desk: Type.Optional(entityDocument),
    clients: Type.Array(Type.String()),
    devices: Type.Array(Type.String()),
    short_codes: Type.Array(Type.Object({ venue: Type.String(), code: Type.Integer() }, strict)),
    certified: Type.Array(Type.String(), { description: 'Algorithms whose certificate names it.' }),
    developed: Type.Array(Type.String()),
  },
  { ...strict, title: 'Holdings' },
);

export const proposeBody = Type.Object(
  {
    reason,
    file: Type.Optional(directoryFile),
    prune: Type.Optional(Type.Boolean({ description: 'With a file: also remove entities that it leaves out.' })),
    edit: Type.Optional(editSchema),
  },
  { ...strict, description: 'Either a file or an edit.' },
);
/** Without the schemas of the documents, which the directory checks. */
export const proposeEnvelope = Type.Object(
  {
    reason,
    file: Type.Optional(Type.Unknown()),
    prune: Type.Optional(Type.Boolean()),
    edit: Type.Optional(editEnvelope),
  },
  strict,
);
export const findingsBody = Type.Object(
  {
    reason,
    findings: Type.Array(
      Type.Object(
        {
          institution: Type.String({ minLength: 20, maxLength: 20, description: 'LEI' }),
          compliance: Type.Union([complianceSchema, Type.Null()], {
            description: 'The complete finding; null removes it.',
          }),
        },
        strict,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
  },
  strict,
);
export const instrumentsBody = Type.Object(
  { reason, instruments: Type.Array(entityReaders.instrument.schema, { minItems: 1, maxItems: 1_000 }) },
  strict,
);
/** Without the schemas of the documents, which the directory checks. */
export const instrumentsEnvelope = Type.Object(
  { reason, instruments: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1_000 }) },
  strict,
);
export const ratesEnvelope = Type.Object(
  { reason, rates: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1_000 }) },
  strict,
);
export const ratesBody = Type.Object(
  { reason, rates: Type.Array(entityReaders.rate.schema, { minItems: 1, maxItems: 1_000 }) },
  strict,
);
export const approveBody = Type.Object(
  { digest: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'Digest of the change as it was read.' }) },
  strict,
);
export const rejectBody = Type.Object({ reason }, strict);

type Compiler = Pick<Parameters<FastifyInstance['route']>[0], 'validatorCompiler'>;

/**
 * The directory validates the body, because it reports all errors at once with their places; the schema documents it.
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
