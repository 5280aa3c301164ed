import { accessErrors, auditLogErrors, type BundleDisclosure, type Caller } from '@countersign/contracts';
import { bundleLimits } from '@countersign/evidence';
import { decodeBase64Url } from '@countersign/kernel';
import { type AccessRequest, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleAnswer } from '../answers.ts';
import { mayBeShown, mayHaveTransaction, type ReadingRules } from '../reading/rights.ts';
import { type ReadingRoutes, readTransaction, transactionId } from './reading-request.ts';

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
    disclose: Type.Optional(
      Type.Enum(['nothing', 'strategy', 'everything'], {
        description:
          'Protected values that the bundle discloses, as far as you may see them: what was meant to be traded, without which not all can be verified (the default); or personal data as well, with the scope audit:disclose and a purpose',
      }),
    ),
    purpose: Type.Optional(Type.String({ maxLength: 200, description: 'What personal data are wanted for' })),
  },
  closed,
);

type ExportRequest = FastifyRequest<{ Params: Static<typeof exportParams>; Querystring: Static<typeof exportQuery> }>;

export function transactionEvidenceRoutes(
  app: FastifyInstance,
  { auditLog, guard, baseUrl, turns, ...rules }: Omit<ReadingRoutes, 'clock' | 'random'>,
): void {
  const may = (scope: string) => (request: AccessRequest) => guard.check(request, { scope });

  app.get(
    '/evidence/transactions/:id',
    described({
      tag: 'evidence',
      summary: 'Export the evidence of a transaction',
      description:
        'What is exported is recorded, with its list, before it is let out. Personal data need the scope `audit:disclose` as well.',
      scopes: ['audit:export'],
      furtherScopes: ['audit:disclose'],
      params: exportParams,
      querystring: exportQuery,
      answers: { 200: { description: 'A bundle that is checked offline', body: bundleAnswer } },
    }),
    withCaller<Caller, ExportRequest>(may('audit:export'), baseUrl, async (request, _reply, caller) => {
      const since = readNote(request.query.since);
      const transaction = readTransaction(request.params.id);
      const disclose = disclosureFor(request.query, caller, rules);
      if (!(await mayHaveTransaction(transaction, caller, rules)))
        throw auditLogErrors.error('transaction_without_records', 'The log holds nothing about this transaction.');
      return turns.take(caller.institution, () =>
        auditLog.exportBundle({
          transaction,
          requester: { id: caller.subject, institution: caller.institution },
          ...(since === undefined ? {} : { since }),
          ...(disclose === undefined ? {} : { disclose }),
        }),
      );
    }),
  );
}

function disclosureFor(
  { disclose = 'strategy', purpose = '' }: Static<typeof exportQuery>,
  caller: Caller,
  rules: ReadingRules,
): BundleDisclosure | undefined {
  if (disclose === 'nothing') return undefined;
  const shown: BundleDisclosure = {
    kinds: ['strategy'],
    mayBeShown: (value, record) => mayBeShown(value, record, caller, rules),
  };
  if (disclose === 'strategy') return shown;
  if (!caller.scope.includes('audit:disclose'))
    throw accessErrors.error('insufficient_scope', 'Personal data requires the scope audit:disclose.');
  if (purpose.trim() === '')
    throw auditLogErrors.error('purpose_missing', 'State in purpose what the personal data is needed for.');
  return { ...shown, kinds: ['personal', 'strategy'], purpose };
}

/** A checkpoint note has several lines, so the query carries it as base64url. */
function readNote(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined;
  const bytes = decodeBase64Url(encoded);
  if (bytes === undefined)
    throw auditLogErrors.error('checkpoint_unknown', 'The parameter since is a checkpoint note in base64url.');
  return bytes.toString();
}
