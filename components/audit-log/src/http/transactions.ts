import { auditLogErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { bundleLimits } from '@countersign/evidence';
import { decodeBase64Url } from '@countersign/kernel';
import { type AccessRequest, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleAnswer } from '../answers.ts';
import type { RunningAuditLog } from '../audit-log.ts';
import { readTransaction, transactionId } from './parameters.ts';

const closed = { additionalProperties: false };
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

type ExportRequest = FastifyRequest<{ Params: Static<typeof exportParams>; Querystring: Static<typeof exportQuery> }>;

/** The evidence of one transaction. */
export function transactionEvidenceRoutes(
  app: FastifyInstance,
  {
    auditLog,
    guard,
    baseUrl,
  }: { readonly auditLog: RunningAuditLog; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const may = (scope: string) => (request: AccessRequest) => guard.check(request, { scope });

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
}

/** A checkpoint note travels in a query as base64url: it has several lines. */
function readNote(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined;
  const bytes = decodeBase64Url(encoded);
  if (bytes === undefined)
    throw auditLogErrors.error('checkpoint_unknown', 'The parameter since is a checkpoint note in base64url.');
  return bytes.toString();
}
