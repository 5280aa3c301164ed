import { recoveryStatuses } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';

const strict = { additionalProperties: false } as const;
const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { ...strict, ...defined({ title }) });
const instant = Type.String({ format: 'date-time' });
const reason = Type.String({ minLength: 1, maxLength: 400, description: 'For people; it is recorded.' });

export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 64 }) });
export const openBody = closed({
  person: Type.String({ minLength: 1, maxLength: 128, description: 'Principal id' }),
  reason,
  evidence: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
    minItems: 1,
    maxItems: 10,
    description: 'References to what proved who the person is: a file number, a record',
  }),
});
export const reasonBody = closed({ reason });
export const listQuery = closed({ status: Type.Optional(Type.Enum([...recoveryStatuses])) });

export const recoveryAnswer = closed(
  {
    id: Type.String({ description: 'rcv_...' }),
    person: Type.String(),
    institution: Type.String({ description: 'LEI' }),
    status: Type.Enum([...recoveryStatuses]),
    opened_by: Type.String(),
    opened_at: instant,
    expires_at: instant,
    reason: Type.String(),
    evidence: Type.Array(Type.String()),
    digest: Type.String({ description: 'What approvers sign' }),
    approvals: Type.Array(
      closed({ by: Type.String(), function: Type.String(), at: instant, record_id: Type.String() }),
    ),
    missing: Type.Array(Type.String(), { description: 'Functions that have not approved yet' }),
    cooling_off_until: Type.Optional(instant),
    record_id: Type.String(),
  },
  'Recovery',
);
export const recoveryList = closed({ recoveries: Type.Array(recoveryAnswer) });
export const invitationAnswer = closed(
  {
    url: Type.String({ description: 'Shown once: anyone who has it can enrol as the person.' }),
    expires_at: instant,
    record_id: Type.String(),
  },
  'RecoveryInvitation',
);
export const requestList = closed({
  requests: Type.Array(
    closed({
      person: Type.String(),
      institution: Type.String(),
      first_at: instant,
      last_at: instant,
      times: Type.Integer(),
    }),
  ),
});
