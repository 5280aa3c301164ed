import { accessErrors, auditLogErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { formatTlogProof, parseCheckpoint, parseNote, parseTilePath, type TileResource } from '@countersign/merkle-log';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { binaryAnswer } from '../answers.ts';
import type { RunningAuditLog } from '../audit-log.ts';

const closed = { additionalProperties: false };
const tilePath = Type.Object(
  {
    '*': Type.String({ description: 'As C2SP tlog-tiles writes it, e.g. `0/001` or `000.p/44`; slashes as they are' }),
  },
  closed,
);
const text = 'text/plain; charset=utf-8';
const place = '^(?:0|[1-9][0-9]{0,18})$';
const inclusionPath = Type.Object({ index: Type.String({ pattern: place, description: 'Place in the log' }) }, closed);
const consistencyQuery = Type.Object(
  {
    from: Type.String({ pattern: place, description: 'Records under the earlier checkpoint' }),
    to: Type.String({ pattern: place, description: 'Records under the later one' }),
  },
  closed,
);
const entriesQuery = Type.Object(
  {
    gone: Type.Optional(
      Type.Literal('empty', {
        description: 'What has been pruned stands as an entry of no bytes; without it, there is no such bundle',
      }),
    ),
  },
  closed,
);
const hash = Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$', description: 'SHA-256 in base64' });
const consistencyAnswer = Type.Object(
  { from: Type.String(), to: Type.String(), hashes: Type.Array(hash, { maxItems: 65 }) },
  { ...closed, title: 'ConsistencyProof' },
);
const hash64 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'SHA-256 in base64url' });
const logKeysAnswer = Type.Object(
  {
    handovers: Type.Array(
      Type.Object(
        {
          checkpoint: Type.String({ description: 'C2SP signed note of the old and the new key' }),
          leaf: Type.String({ description: 'The record `log.key-rotated`, last in the tree; base64url' }),
          proof: Type.Array(hash64, { maxItems: 65, description: 'Its inclusion (RFC 6962), lowest node first' }),
        },
        closed,
      ),
      { maxItems: 32 },
    ),
  },
  { ...closed, title: 'LogKeys' },
);
const plainText = (description: string) => ({ description, body: Type.String(), mediaType: 'text/plain' });
const octets = (description: string) => ({ description, body: binaryAnswer, mediaType: 'application/octet-stream' });

type InclusionRequest = FastifyRequest<{ Params: Static<typeof inclusionPath> }>;
type ConsistencyRequest = FastifyRequest<{ Querystring: Static<typeof consistencyQuery> }>;
type TileRequest = FastifyRequest<{ Params: { readonly '*': string } }>;
type EntriesRequest = FastifyRequest<{ Params: { readonly '*': string }; Querystring: Static<typeof entriesQuery> }>;

/** Checkpoints and hashes reveal nothing about the records and are public. Entries need a token. */
export function logRoutes(
  app: FastifyInstance,
  {
    auditLog,
    guard,
    baseUrl,
    operator,
  }: {
    readonly auditLog: RunningAuditLog;
    readonly guard: ResourceGuard;
    readonly baseUrl: string;
    readonly operator: string;
  },
): void {
  app.get(
    '/log/checkpoint',
    described({
      tag: 'log',
      summary: 'Read the newest published checkpoint',
      description:
        'Keep it: a later bundle can then prove that the log only grew. Where the log has witnesses it carries their cosignatures.',
      answers: { 200: plainText('A C2SP signed note') },
    }),
    async (_request, reply) => reply.type(text).send(await shownCheckpoint(auditLog)),
  );

  app.get(
    '/log/verifier-key',
    described({
      tag: 'log',
      summary: "Read the log's verifier key",
      description: 'For comparison. Verify with a key from another source.',
      answers: { 200: plainText('A C2SP vkey') },
    }),
    async (_request, reply) => reply.type(text).send(`${auditLog.verifierKey()}\n`),
  );

  app.get(
    '/log/keys.json',
    described({
      tag: 'log',
      summary: 'Read how the keys of the log succeeded each other',
      description:
        'Each handover is a checkpoint that both keys signed, and the record in it that names them. Verify it with a key that you have from another source.',
      answers: {
        200: { description: 'The handovers, oldest first; none while the log has its first key', body: logKeysAnswer },
      },
    }),
    async () => ({ handovers: await auditLog.keyHandovers() }),
  );

  app.get(
    '/log/proof/inclusion/:index',
    described({
      tag: 'log',
      summary: 'Prove that a record is in the log',
      description:
        'The proof under the newest published checkpoint, by record or leaf hash, as a file that is checked offline.',
      params: inclusionPath,
      answers: { 200: plainText('C2SP tlog-proof') },
    }),
    async (request: InclusionRequest, reply) => {
      const index = BigInt(request.params.index);
      const checkpoint = await shownCheckpoint(auditLog);
      const hashes = await proveUnder(auditLog, index, checkpoint);
      return reply.type(text).send(formatTlogProof({ index, hashes, checkpoint }));
    },
  );

  app.get(
    '/log/proof/consistency',
    described({
      tag: 'log',
      summary: 'Prove that one tree of the log extends another',
      description:
        'RFC 6962 section 2.1.2, between any two sizes that the log has had; for those who hold the checkpoints. Empty from 0, and from a size to itself.',
      querystring: consistencyQuery,
      answers: { 200: { description: 'The proof', body: consistencyAnswer } },
    }),
    async ({ query }: ConsistencyRequest) => {
      const { from, to } = query;
      const hashes = await auditLog.proveConsistency(BigInt(from), BigInt(to));
      return { from, to, hashes: hashes.map((one) => Buffer.from(one).toString('base64')) };
    },
  );

  async function sendResource(
    kind: TileResource['kind'],
    path: string,
    reply: FastifyReply,
    options?: { readonly gone: 'empty' },
  ): Promise<FastifyReply> {
    const resource = parseTilePath(path);
    // Entries have a route of their own.
    if (resource?.kind !== kind) throw notFound();
    const bytes = await readResource(auditLog, resource, options);
    if (bytes === undefined) throw notFound();
    // Bodies may be pruned later.
    if (options !== undefined)
      return reply.type('application/octet-stream').header('cache-control', 'no-store').send(bytes);
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
    async (request: TileRequest, reply) => sendResource('tile', `tile/${request.params['*']}`, reply),
  );
  app.get(
    '/log/tile/entries/*',
    described({
      tag: 'log',
      summary: 'Read a bundle of entries',
      scopes: ['audit:read'],
      params: tilePath,
      querystring: entriesQuery,
      answers: { 200: octets('Entries, each after its length in two bytes') },
    }),
    withCaller<Caller, EntriesRequest>(
      (access) => guard.check(access, { scope: 'audit:read' }),
      baseUrl,
      async ({ params, query: { gone } }, reply, { institution }) => {
        // Only the operator may read the whole log; others read the records that concern them.
        if (institution !== operator)
          throw accessErrors.error(
            'insufficient_scope',
            'Only the operator reads entries of the log. Read the records that concern your institution.',
          );
        return sendResource('entries', `tile/entries/${params['*']}`, reply, gone === undefined ? undefined : { gone });
      },
    ),
  );
}

/** Publishes first if the log has never published. */
async function shownCheckpoint(auditLog: RunningAuditLog): Promise<string> {
  return (await auditLog.published()) ?? auditLog.checkpoint();
}

async function proveUnder(
  auditLog: RunningAuditLog,
  index: bigint,
  checkpoint: string,
): Promise<readonly Uint8Array[]> {
  const parsed = parseNote(checkpoint);
  const said = parsed.ok ? parseCheckpoint(parsed.note.text) : undefined;
  if (said?.ok !== true) throw new Error('the newest checkpoint of this log is malformed');
  if (index >= said.checkpoint.size)
    throw auditLogErrors.error(
      'record_not_found',
      `The newest published checkpoint covers ${said.checkpoint.size} records; this record is not among them yet.`,
    );
  return auditLog.proveInclusion(index, said.checkpoint.size);
}

function readResource(
  auditLog: RunningAuditLog,
  resource: TileResource,
  options: { readonly gone: 'empty' } | undefined,
): Promise<Buffer | undefined> {
  return resource.kind === 'tile' ? auditLog.tile(resource.tile) : auditLog.entryBundle(resource.bundle, options);
}

function sendImmutable(reply: FastifyReply, bytes: Buffer, visibility: 'public' | 'private'): FastifyReply {
  return reply
    .type('application/octet-stream')
    .header('cache-control', `${visibility}, max-age=31536000, immutable`)
    .send(bytes);
}

function notFound() {
  return auditLogErrors.error('record_not_found', 'The log does not have this tile.');
}
