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
      Type.String({ description: 'The initiator: a person, service or agent; shown to their own institution only' }),
    ),
    initiatorInstitution: leiSchema(),
    mandate: Type.Object({ id: idSchema('mandate'), version }, closed),
    approvals: Type.Array(
      Type.Object({ approver: Type.String(), role: Type.String(), institution: leiSchema() }, closed),
      { description: "Valid approvals by the caller's institution" },
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
      Type.Object(
        { at: instantSchema(), recordId: recordSchema() },
        { ...closed, description: 'Set if it was withdrawn and no longer counts' },
      ),
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
      Type.String({ description: 'The initiator: a person, service or agent; shown to their own institution only' }),
    ),
    initiatorInstitution: leiSchema(),
    title: Type.String(),
    lines: Type.Array(Type.Object({ label: Type.String(), value: Type.String() }, closed), {
      description: 'Every field of the intent, each once',
    }),
    warnings: Type.Array(Type.Object({ code: Type.String(), detail: Type.String() }, closed), {
      description: 'Properties to check carefully',
    }),
    awaited: Type.Array(
      Type.Object(
        {
          role: Type.String(),
          count: Type.Integer({ minimum: 1 }),
          institution: leiSchema(),
          independent: Type.Optional(
            Type.Literal(true, {
              description: "Only people from a different desk than the initiator's who do not trade",
            }),
          ),
        },
        closed,
      ),
      { description: 'Outstanding approvals' },
    ),
    escalation: Type.Array(
      Type.Object(
        { role: Type.String(), inPlaceOf: Type.String(), institution: leiSchema(), from: instantSchema() },
        closed,
      ),
      { description: 'Who may approve instead of whom, and from when' },
    ),
    approvals: Type.Array(
      Type.Object(
        {
          approver: Type.Optional(Type.String({ description: 'Shown to their own institution only' })),
          role: Type.String(),
          institution: leiSchema(),
        },
        closed,
      ),
      { description: 'Valid approvals' },
    ),
    declined: Type.Array(
      Type.Object(
        { approver: Type.String(), institution: leiSchema(), reason: Type.String(), at: instantSchema() },
        closed,
      ),
      { description: 'Approvers who declined, newest first; shown to their own institution only' },
    ),
    notAfter: instantSchema({ description: 'The first step must be taken before this time' }),
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
    late: Type.Optional(Type.Boolean({ description: 'True if the event arrived after its deadline' })),
    replayed: Type.Boolean({ description: 'True for a repeated request, which had no further effect' }),
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
    event: Type.String({ description: 'The event that failed or was awaited' }),
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
          by: Type.Optional(Type.String({ description: 'Principal id; like the reason, shown to the owner only' })),
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
