import { accessErrors, type Caller, requesterOf, transactionErrors } from '@countersign/contracts';
import { isCodedError, parseId, type TransactionId } from '@countersign/kernel';
import { isAuthorizationDetailType } from '@countersign/market';
import { maxCertificateSignatureLength } from '@countersign/oauth/certificate-signature';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { approvalAnswer, approvalViewAnswer, batchAnswer } from './answers.ts';
import { isCertified, maxBatch, parseBatchApprovalJws, parseCertifiedBatch } from './approvals/approval-claims.ts';
import { approveScopeOf, approveScopes } from './approvals/approve-scope.ts';
import { notVisible } from './explain-refusal.ts';
import {
  closed,
  id,
  idParams,
  scopeHeld,
  type TransactionRegistryRoutes,
  tag,
  transactionIdOf,
  visibleTo,
  type WithId,
} from './http-parts.ts';
import { viewShownTo } from './shown.ts';

const withdrawParams = Type.Object({ id, approval: id }, closed);
const approvalBody = Type.Object({ jws: Type.String({ maxLength: maxCertificateSignatureLength }) }, closed);

type ApprovalRoute = WithId & { Body: Static<typeof approvalBody> };
type BatchRoute = { Body: Static<typeof approvalBody> };
type WithdrawRoute = { Params: Static<typeof withdrawParams> };

const scopeNote =
  'The scope follows from the kind of intent: `order:approve` for orders, quotes, clearing, settlement and reports; ' +
  'the `approve` of `allocation`, `collateral`, `withdrawal`, `withdrawal-address` and, for administration, `directory`.';

export function approvalRoutes(
  app: FastifyInstance,
  { transactions, guard, baseUrl }: Pick<TransactionRegistryRoutes, 'transactions' | 'guard' | 'baseUrl'>,
): void {
  const withApprover = <Request extends FastifyRequest>(
    handler: (request: Request, caller: Caller) => Promise<unknown>,
    status: 200 | 201 = 200,
  ) =>
    withCaller<Caller, Request>(
      (request) => guard.check(request, { scope: scopeHeld(request, approveScopes) }),
      baseUrl,
      async (request, reply, caller) => reply.status(status).send(await handler(request, caller)),
    );

  /** The signature proves the approver. Submitting it is limited to institutions whose approval is required. */
  async function requireApprovingInstitution(text: string, caller: Caller): Promise<void> {
    const { id, intentType, initiatorInstitution } = await visibleTo(caller, text, transactions);
    needScope(intentType, caller);
    if (initiatorInstitution === caller.institution) return;
    const view = await transactions.approvalView(id, caller.institution);
    if (view?.awaited.some(({ institution }) => institution === caller.institution) === true) return;
    throw transactionErrors.error(
      'approval_institution',
      'Only an institution whose approval is required can submit one, usually that of the initiator.',
      { facts: { transaction: id } },
    );
  }

  app.get<WithId>(
    '/transactions/:id/approval',
    described({
      tag,
      summary: 'Read the approval view of a transaction',
      description:
        'Every field of the signed intent, decoded, with warnings and the approvals that are still missing. ' +
        `${scopeNote}`,
      scopes: approveScopes,
      params: idParams,
      answers: { 200: { description: 'What an approver sees before signing', body: approvalViewAnswer } },
    }),
    withApprover<FastifyRequest<WithId>>(async (request, caller) => {
      const { id, intentType } = await visibleTo(caller, request.params.id, transactions);
      needScope(intentType, caller);
      const view = await transactions.approvalView(id, caller.institution);
      if (view === undefined) throw notVisible();
      return viewShownTo(view, caller.institution);
    }),
  );

  app.post<ApprovalRoute>(
    '/transactions/:id/approvals',
    described({
      tag,
      summary: 'Approve a transaction',
      description:
        'With a compact JWS by the approver, `typ` `countersign-approval+jwt`, over `iss`, `txn`, `intent_digest`, ' +
        '`decision`, `iat`, `exp` (at most an hour later), `jti` and, for approvers with several roles, `role`, by a key ' +
        'registered to that person. Or with one of `typ` `countersign-approval+x509` by the key of a certificate, which the ' +
        'header holds: `x5c`, and `ocsp` with a recent OCSP response for each certificate below the trust anchor (DER in base64). ' +
        scopeNote,
      scopes: approveScopes,
      params: idParams,
      body: approvalBody,
      answers: { 201: { description: 'The approval, valid until it expires', body: approvalAnswer } },
    }),
    withApprover<FastifyRequest<ApprovalRoute>>(async (request, caller) => {
      const id = transactionIdOf(request.params.id);
      await requireApprovingInstitution(id, caller);
      return transactions.approve(id, request.body.jws);
    }, 201),
  );

  app.post<BatchRoute>(
    '/transactions/approvals',
    described({
      tag,
      summary: 'Approve several transactions with one signature',
      description:
        `All or none, up to ${maxBatch}. The JWS has \`items\`, a list of \`txn\` and \`intent_digest\`, and \`root\`, the ` +
        'SHA-256 over the canonical form (RFC 8785) of that list, instead of `txn` and `intent_digest`. The token ' +
        'holds the scope of each kind of intent.',
      scopes: approveScopes,
      body: approvalBody,
      answers: { 201: { description: 'An approval for each, in the order signed', body: batchAnswer } },
    }),
    withApprover<FastifyRequest<BatchRoute>>(async (request, caller) => {
      for (const id of transactionsIn(request.body.jws)) await requireApprovingInstitution(id, caller);
      return transactions.approveBatch(request.body.jws);
    }, 201),
  );

  app.post<WithdrawRoute>(
    '/transactions/:id/approvals/:approval/withdraw',
    described({
      tag,
      summary: 'Withdraw an approval',
      description: `By its approver, until a step relies on it. Repeating the request changes nothing. ${scopeNote}`,
      scopes: approveScopes,
      params: withdrawParams,
      answers: { 200: { description: 'The approval, with the time of withdrawal', body: approvalAnswer } },
    }),
    withApprover<FastifyRequest<WithdrawRoute>>(async (request, caller) => {
      const { id, intentType } = await visibleTo(caller, request.params.id, transactions);
      needScope(intentType, caller);
      const approval = parseId('approval', request.params.approval);
      if (approval === undefined)
        throw transactionErrors.error('approval_not_found', 'You have not given this approval.');
      return transactions.withdrawApproval(id, approval, requesterOf(caller));
    }),
  );
}

/** Requires the scope of this kind of intent; the guard has checked only one of several. */
function needScope(intentType: string, caller: Caller): void {
  if (!isAuthorizationDetailType(intentType)) throw new Error(`a transaction of an unknown kind: ${intentType}`);
  const scope = approveScopeOf({ type: intentType });
  if (!caller.scope.includes(scope))
    throw accessErrors.error('insufficient_scope', `This request needs an access token with the scope ${scope}.`);
}

/** Reads which transactions a batch names; the registry refuses and records an unreadable batch. */
function transactionsIn(jws: string): readonly TransactionId[] {
  try {
    const { items } = isCertified(jws) ? parseCertifiedBatch(jws) : parseBatchApprovalJws(jws);
    return items.map(({ txn }) => txn);
  } catch (error) {
    if (isCodedError(error)) return [];
    throw error;
  }
}
