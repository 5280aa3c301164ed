import { type Claim, recordIdAfter } from '@countersign/contracts';
import { digestOf, type Json, type RecordId, type TransactionId } from '@countersign/kernel';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';
import type { TradeUse, TradeUseKind } from '../store/trades.ts';

interface Taken extends TradeUse {
  readonly kind: TradeUseKind;
}

/** All stored data that decides about a transaction, except its approvals, which are proven separately. */
export interface Held {
  readonly transaction: StoredTransaction;
  readonly steps: readonly StoredTransition[];
  /** Resolved ones too, in the order in which they were raised. */
  readonly exceptions: readonly StoredException[];
  readonly uses: readonly Taken[];
}

function transactionStanding(id: TransactionId): string {
  return `transaction:${id}`;
}

/** The id of the next change record. It is derived from the previous change, so that there can be only one. */
export function nextRecordOf({ id, changedRecordId }: StoredTransaction): RecordId {
  return recordIdAfter(transactionStanding(id), changedRecordId);
}

export function transactionClaim({ transaction, steps, exceptions, uses }: Held): Claim {
  const { mandate } = transaction;
  return {
    of: transactionStanding(transaction.id),
    content: {
      client: transaction.client,
      idempotency_key: transaction.idempotencyKey,
      detail: digestOf(transaction.detail),
      intent: transaction.intentDigest,
      initiator: transaction.initiator,
      institution: transaction.initiatorInstitution,
      mandate: { id: mandate.id, version: mandate.version, record: mandate.recordId },
      state: transaction.state,
      version: transaction.version,
      last_record: transaction.lastRecordId,
      opened_record: transaction.openedRecordId,
      opened_at: transaction.openedAt,
      changed_record: transaction.changedRecordId,
      parties: [...transaction.parties].sort(),
      destination_key: transaction.destinationKey,
      destination: transaction.destinationDigest,
      carried_by: transaction.carriedBy,
      steps: steps.map(stepContent),
      exceptions: exceptions.map(exceptionContent).sort((one, other) => (one.id < other.id ? -1 : 1)),
      uses: uses
        .map(({ trade, kind, unit, amount }) => ({ trade, kind, unit, amount }))
        .sort((one, other) => (one.trade < other.trade ? -1 : 1)),
    },
  };
}

function stepContent({ event, state, version, institution, idempotencyKey, ...step }: StoredTransition) {
  return {
    event,
    state,
    version,
    institution,
    idempotency_key: idempotencyKey,
    body_digest: step.bodyDigest,
    // A body is parsed from JSON.
    body: digestOf(step.body as Json),
    record: step.recordId,
    at: step.recordedAt,
    late: step.late === true,
    actor: step.actor ?? null,
    decision: step.decision === undefined ? null : { id: step.decision.id, version: step.decision.policyVersion },
  };
}

function exceptionContent({ id, cause, event, reason, status, owner, ...exception }: StoredException) {
  return {
    id,
    cause,
    event,
    reason,
    status,
    owner,
    record: exception.recordId,
    raised_version: exception.raisedVersion,
    raised_by: exception.raisedBy,
    body_digest: exception.bodyDigest,
    resolution: exception.resolution === undefined ? null : digestOf(exception.resolution),
  };
}

export function approvalClaim(approval: StoredApproval): Claim {
  return {
    of: `approval:${approval.id}`,
    content: {
      transaction: approval.transaction,
      approver: approval.approver,
      role: approval.role,
      institution: approval.institution,
      intent: approval.intentDigest,
      kid: approval.kid,
      token: approval.tokenId,
      expires_at: approval.expiresAt,
      record: approval.recordId,
      authenticator: approval.authenticator ?? null,
      batch_root: approval.batchRoot ?? null,
      // Left out for other approvals, so that records of earlier releases agree.
      ...(approval.certificate === undefined ? {} : { certificate: approval.certificate }),
    },
  };
}

interface TakenBy extends Taken {
  readonly transaction: TransactionId;
}

/** All uses of a trade. A missing use would allow the same quantity to be used twice. */
export function tradeClaim(trade: TransactionId, uses: readonly TakenBy[]): Claim {
  return {
    of: `trade:${trade}`,
    content: uses
      .filter((use) => use.trade === trade)
      .map(({ transaction, kind, unit, amount }) => ({ transaction, kind, unit, amount }))
      .sort((one, other) => (one.transaction < other.transaction ? -1 : 1)),
  };
}

export function instructionClaim(mandate: string, transaction: TransactionId): Claim {
  return { of: `instruction:${mandate}`, content: { transaction } };
}
