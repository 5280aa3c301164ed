import {
  type AuditLog,
  auditLogErrors,
  type Caller,
  type RecordType,
  type ResourceGuard,
  recordTypes,
} from '@countersign/contracts';
import { bundleLimits } from '@countersign/evidence';
import { decodeBase64Url, parseId } from '@countersign/kernel';
import { parseTilePath, type TileResource } from '@countersign/merkle-log';
import { type AccessRequest, accessRequestOf, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { binaryAnswer, bundleAnswer, recordList } from './answers.ts';
import type { RunningAuditLog } from './audit-log.ts';

const closed = { additionalProperties: false };
const transactionId = Type.String({ maxLength: 40 });
const exportParams = Type.Object({ id: transactionId }, closed);
const exportQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        maxLength: Math.ceil((bundleLimits.noteLength * 4) / 3),
        description: 'A checkpoint that you hold, in base64url: the bundle then proves that the log only grew since',
      }),
    ),
  },
  closed,
);
const recordsQuery = Type.Object(
  {
    transaction: Type.Optional(transactionId),
    type: Type.Optional(Type.String({ maxLength: 64 })),
    after: Type.Optional(Type.String({ pattern: '^(?:0|[1-9]\\d{0,17})$' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,3}$' })),
  },
  closed,
);

const tilePath = Type.Object(
  {
    '*': Type.String({ description: 'As C2SP tlog-tiles writes it, e.g. `0/001` or `000.p/44`; slashes as they are' }),
  },
  closed,
);
const plainText = (description: string) => ({ description, body: Type.String(), mediaType: 'text/plain' });
const octets = (description: string) => ({ description, body: binaryAnswer, mediaType: 'application/octet-stream' });

type ExportRequest = FastifyRequest<{ Params: Static<typeof exportParams>; Querystring: Static<typeof exportQuery> }>;
type RecordsRequest = FastifyRequest<{ Querystring: Static<typeof recordsQuery> }>;
type TileRequest = FastifyRequest<{ Params: { readonly '*': string } }>;

export interface AuditLogRoutes {
  readonly auditLog: AuditLog & Pick<RunningAuditLog, 'tile' | 'entryBundle'>;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/**
 * The log over HTTP: as C2SP tlog-tiles under `/log`, as evidence under `/evidence`. Checkpoints and hashes tell
 * nothing of what is in the records and are public, so that anyone can watch the log; entries and evidence are not.
 */
export function auditLogRoutes(app: FastifyInstance, { auditLog, guard, baseUrl }: AuditLogRoutes): void {
  const may = (scope: string) => (request: AccessRequest) => guard.check(request, { scope });

  app.get(
    '/log/checkpoint',
    described({
      tag: 'log',
      summary: 'Read the newest signed checkpoint',
      description: 'Keep it: a later bundle can then prove that the log only grew.',
      answers: { 200: plainText('A C2SP signed note') },
    }),
    async (_request, reply) => reply.type('text/plain; charset=utf-8').send(await auditLog.checkpoint()),
  );

  app.get(
    '/log/verifier-key',
    described({
      tag: 'log',
      summary: "Read the log's verifier key",
      description: 'What you verify by should come from elsewhere; compare.',
      answers: { 200: plainText('A C2SP vkey') },
    }),
    async (_request, reply) => reply.type('text/plain; charset=utf-8').send(`${auditLog.verifierKey()}\n`),
  );

  async function sendResource(request: TileRequest, reply: FastifyReply, path: string): Promise<FastifyReply> {
    const resource = parseTilePath(path);
    if (resource === undefined) throw notFound();
    if (resource.kind === 'entries') await guard.check(accessRequestOf(request, baseUrl), { scope: 'audit:read' });
    const bytes = await readResource(auditLog, resource);
    if (bytes === undefined) throw notFound();
    return sendImmutable(reply, bytes, resource.kind === 'tile' ? 'public' : 'private');
  }

  app.get(
    '/log/tile/*',
    described({
      tag: 'log',
      summary: 'Read a tile of hashes',
      params: tilePath,
      answers: { 200: octets('Hashes of 32 bytes, one after the other') },
    }),
    async (request: TileRequest, reply) => sendResource(request, reply, `tile/${request.params['*']}`),
  );
  app.get(
    '/log/tile/entries/*',
    described({
      tag: 'log',
      summary: 'Read a bundle of entries',
      scopes: ['audit:read'],
      params: tilePath,
      answers: { 200: octets('Entries, each after its length in two bytes') },
    }),
    async (request: TileRequest, reply) => sendResource(request, reply, `tile/entries/${request.params['*']}`),
  );

  app.get(
    '/evidence/transactions/:id',
    described({
      tag: 'evidence',
      summary: 'Export the evidence of a transaction',
      description: 'What is exported is recorded, with its list, before it is let out.',
      scopes: ['audit:export'],
      params: exportParams,
      querystring: exportQuery,
      answers: { 200: { description: 'A bundle that is checked offline', body: bundleAnswer } },
    }),
    withCaller<Caller, ExportRequest>(may('audit:export'), baseUrl, async (request, _reply, caller) => {
      const since = readNote(request.query.since);
      return auditLog.exportBundle({
        transaction: readTransaction(request.params.id),
        requester: { id: caller.subject, institution: caller.institution },
        ...(since === undefined ? {} : { since }),
      });
    }),
  );

  app.get(
    '/evidence/records',
    described({
      tag: 'evidence',
      summary: 'Read records',
      description: 'Oldest first. More: ask again with `after` the last index.',
      scopes: ['audit:read'],
      querystring: recordsQuery,
      answers: { 200: { description: 'One page', body: recordList } },
    }),
    withCaller<Caller, RecordsRequest>(may('audit:read'), baseUrl, async ({ query }) => {
      const type = readType(query.type);
      const found = await auditLog.search({
        ...(query.transaction === undefined ? {} : { transaction: readTransaction(query.transaction) }),
        ...(type === undefined ? {} : { type }),
        ...(query.after === undefined ? {} : { after: BigInt(query.after) }),
        limit: query.limit === undefined ? 100 : Number(query.limit),
      });
      return { records: found.map(({ index, record }) => ({ index: index.toString(), record })) };
    }),
  );
}

function readResource(auditLog: AuditLogRoutes['auditLog'], resource: TileResource): Promise<Buffer | undefined> {
  return resource.kind === 'tile' ? auditLog.tile(resource.tile) : auditLog.entryBundle(resource.bundle);
}

/** Tiles never change (C2SP tlog-tiles). */
function sendImmutable(reply: FastifyReply, bytes: Buffer, visibility: 'public' | 'private'): FastifyReply {
  return reply
    .type('application/octet-stream')
    .header('cache-control', `${visibility}, max-age=31536000, immutable`)
    .send(bytes);
}

function readTransaction(text: string) {
  const id = parseId('transaction', text);
  if (id === undefined)
    throw auditLogErrors.error('transaction_without_records', 'This is not the id of a transaction.');
  return id;
}

function readType(text: string | undefined): RecordType | undefined {
  if (text === undefined) return undefined;
  const type = recordTypes.find((known) => known === text);
  if (type === undefined) throw auditLogErrors.error('record_not_found', 'There are no records of this type.');
  return type;
}

/** A checkpoint note travels in a query as base64url: it has several lines. */
function readNote(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined;
  const bytes = decodeBase64Url(encoded);
  if (bytes === undefined)
    throw auditLogErrors.error('checkpoint_unknown', 'The parameter since is a checkpoint note in base64url.');
  return bytes.toString();
}

function notFound() {
  return auditLogErrors.error('record_not_found', 'The log does not have this tile.');
}
