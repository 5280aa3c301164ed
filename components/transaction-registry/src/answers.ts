import { transactionEvents, transactionStates } from '@countersign/contracts';
import { digestSchema, idSchema, instantSchema, leiSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';

// What the interface answers with.

const closed = { additionalProperties: false };
const state = Type.Enum([...transactionStates]);
const event = Type.Enum([...transactionEvents]);
const version = Type.Integer({ minimum: 1 });
const transaction = idSchema('transaction');
const intentDigest = digestSchema({ description: 'SHA-256 over the canonical form (RFC 8785) of the intent' });

/** `TransactionFacts` of the contracts. */
export const transactionAnswer = Type.Object(
  {
    id: transaction,
    state,
    version,
    intentType: Type.String({ description: 'Type of the authorization detail' }),
    intent: Type.Record(Type.String(), Type.Unknown(), { description: 'The intent, as it was digested' }),
    intentDigest,
    initiator: Type.String({ description: 'The person, service or agent that began it' }),
    initiatorInstitution: leiSchema(),
    mandate: Type.Object({ id: idSchema('mandate'), version }, closed),
    approvals: Type.Array(
      Type.Object({ approver: Type.String(), role: Type.String(), institution: leiSchema() }, closed),
      { description: 'Those that stand now' },
    ),
  },
  { ...closed, title: 'Transaction' },
);

export const approvalAnswer = Type.Object(
  {
    id: idSchema('approval'),
    transaction,
    approver: Type.String(),
    role: Type.String(),
    intentDigest,
    expiresAt: instantSchema(),
    recordId: recordSchema(),
  },
  { ...closed, title: 'Approval' },
);

export const receiptAnswer = Type.Object(
  {
    transaction,
    event,
    state,
    version,
    recordedAt: instantSchema(),
    recordId: recordSchema(),
    replayed: Type.Boolean({ description: 'True when this had been asked for before, and nothing happened now' }),
  },
  { ...closed, title: 'TransitionReceipt' },
);

export const exceptionList = Type.Object(
  {
    exceptions: Type.Array(
      Type.Object(
        {
          id: idSchema('exception'),
          transaction,
          event,
          reason: Type.String({ description: 'E.g. `mandate_revoked`' }),
          detail: Type.String(),
          status: Type.Enum(['open', 'resolved']),
          raisedAt: instantSchema(),
          recordId: recordSchema(),
        },
        { ...closed, title: 'TransactionException' },
      ),
      { maxItems: 1000, description: 'Oldest first' },
    ),
  },
  closed,
);
