import { exceptionCauses, exceptionResolutions, transactionEvents, transactionStates } from '@countersign/contracts';
import { digestSchema, idSchema, instantSchema, leiSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const state = Type.Enum([...transactionStates]);
const event = Type.Enum([...transactionEvents]);
const version = Type.Integer({ minimum: 1 });
const transaction = idSchema('transaction');
const intentDigest = digestSchema({ description: 'SHA-256 over the canonical form (RFC 8785) of the intent' });

export const transactionAnswer = Type.Object(
  {
    id: transaction,
    state,
    version,
    intentType: Type.String({ description: 'Type of the authorization detail' }),
    intent: Type.Record(Type.String(), Type.Unknown(), { description: 'The intent, as it was digested' }),
    intentDigest,
    initiator: Type.Optional(
      Type.String({ description: 'The person, service or agent that began it; told to their own institution alone' }),
    ),
    initiatorInstitution: leiSchema(),
    mandate: Type.Object({ id: idSchema('mandate'), version }, closed),
    approvals: Type.Array(
      Type.Object({ approver: Type.String(), role: Type.String(), institution: leiSchema() }, closed),
      { description: 'Those of the institution of the caller that stand now' },
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
    withdrawn: Type.Optional(
      Type.Object({ at: instantSchema(), recordId: recordSchema() }, { ...closed, description: 'It counts no more' }),
    ),
  },
  { ...closed, title: 'Approval' },
);

export const batchAnswer = Type.Object(
  {
    root: digestSchema({ description: 'SHA-256 over the canonical form (RFC 8785) of the list that was signed' }),
    approvals: Type.Array(approvalAnswer, { maxItems: 100, description: 'In the order signed' }),
  },
  { ...closed, title: 'BatchApproval' },
);

export const approvalViewAnswer = Type.Object(
  {
    transaction,
    intentDigest,
    state,
    initiator: Type.Optional(
      Type.String({ description: 'The person, service or agent that began it; told to their own institution alone' }),
    ),
    initiatorInstitution: leiSchema(),
    title: Type.String(),
    lines: Type.Array(Type.Object({ label: Type.String(), value: Type.String() }, closed), {
      description: 'Every field of the intent, each once',
    }),
    warnings: Type.Array(Type.Object({ code: Type.String(), detail: Type.String() }, closed), {
      description: 'What deserves a second look',
    }),
    awaited: Type.Array(
      Type.Object(
        {
          role: Type.String(),
          count: Type.Integer({ minimum: 1 }),
          institution: leiSchema(),
          independent: Type.Optional(
            Type.Literal(true, { description: 'Only people who are not of the desk that began it, and do not deal' }),
          ),
        },
        closed,
      ),
      { description: 'What is still wanted before it can be carried on' },
    ),
    escalation: Type.Array(
      Type.Object(
        { role: Type.String(), inPlaceOf: Type.String(), institution: leiSchema(), from: instantSchema() },
        closed,
      ),
      { description: 'Who may give what is wanted in the place of whom, and from when on, where nobody answers' },
    ),
    approvals: Type.Array(
      Type.Object(
        {
          approver: Type.Optional(Type.String({ description: 'Told to their own institution alone' })),
          role: Type.String(),
          institution: leiSchema(),
        },
        closed,
      ),
      { description: 'Those that stand now' },
    ),
    declined: Type.Array(
      Type.Object(
        { approver: Type.String(), institution: leiSchema(), reason: Type.String(), at: instantSchema() },
        closed,
      ),
      { description: 'Approvers who would not, newest first; told to their own institution alone' },
    ),
    notAfter: instantSchema({ description: 'It is begun before, or not at all' }),
  },
  { ...closed, title: 'ApprovalView' },
);

export const receiptAnswer = Type.Object(
  {
    transaction,
    event,
    state,
    version,
    recordedAt: instantSchema(),
    recordId: recordSchema(),
    late: Type.Optional(
      Type.Boolean({ description: 'True when it came after the time until which it was waited for' }),
    ),
    replayed: Type.Boolean({ description: 'True when this had been asked for before, and nothing happened now' }),
  },
  { ...closed, title: 'TransitionReceipt' },
);

export const historyAnswer = Type.Object(
  { steps: Type.Array(receiptAnswer, { description: 'Oldest first' }) },
  { ...closed, title: 'TransactionHistory' },
);

export const exceptionAnswer = Type.Object(
  {
    id: idSchema('exception'),
    cause: Type.Enum([...exceptionCauses]),
    transaction,
    event: Type.String({ description: 'What could not be carried out, or was waited for' }),
    reason: Type.String({ description: 'E.g. `mandate_revoked`' }),
    detail: Type.String({ description: 'In words, to its owner' }),
    status: Type.Enum(['open', 'resolved']),
    owner: leiSchema(),
    dueAt: instantSchema(),
    overdue: Type.Boolean(),
    raisedAt: instantSchema(),
    recordId: recordSchema(),
    resolution: Type.Optional(
      Type.Object(
        {
          kind: Type.Enum([...exceptionResolutions]),
          by: Type.Optional(Type.String({ description: 'Principal id; told to the owner, like what follows' })),
          reason: Type.Optional(Type.String()),
          at: instantSchema(),
          recordId: recordSchema(),
          mandate: Type.Optional(Type.Object({ id: idSchema('mandate'), version }, closed)),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'TransactionException' },
);

export const exceptionList = Type.Object(
  { exceptions: Type.Array(exceptionAnswer, { maxItems: 1000, description: 'Oldest first' }) },
  closed,
);
