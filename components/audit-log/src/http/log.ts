import { auditLogErrors, type ResourceGuard } from '@countersign/contracts';
import { parseTilePath, type TileResource } from '@countersign/merkle-log';
import { accessRequestOf, described } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { binaryAnswer } from '../answers.ts';
import type { RunningAuditLog } from '../audit-log.ts';

const closed = { additionalProperties: false };
const tilePath = Type.Object(
  {
    '*': Type.String({ description: 'As C2SP tlog-tiles writes it, e.g. `0/001` or `000.p/44`; slashes as they are' }),
  },
  closed,
);
const plainText = (description: string) => ({ description, body: Type.String(), mediaType: 'text/plain' });
const octets = (description: string) => ({ description, body: binaryAnswer, mediaType: 'application/octet-stream' });

type TileRequest = FastifyRequest<{ Params: { readonly '*': string } }>;

/**
 * The log as C2SP tlog-tiles under `/log`. Checkpoints and hashes tell nothing of what is in the records and are
 * public, so that anyone can watch the log; entries are not.
 */
export function logRoutes(
  app: FastifyInstance,
  {
    auditLog,
    guard,
    baseUrl,
  }: { readonly auditLog: RunningAuditLog; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
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
}

function readResource(auditLog: RunningAuditLog, resource: TileResource): Promise<Buffer | undefined> {
  return resource.kind === 'tile' ? auditLog.tile(resource.tile) : auditLog.entryBundle(resource.bundle);
}

/** Tiles never change (C2SP tlog-tiles). */
function sendImmutable(reply: FastifyReply, bytes: Buffer, visibility: 'public' | 'private'): FastifyReply {
  return reply
    .type('application/octet-stream')
    .header('cache-control', `${visibility}, max-age=31536000, immutable`)
    .send(bytes);
}

function notFound() {
  return auditLogErrors.error('record_not_found', 'The log does not have this tile.');
}
