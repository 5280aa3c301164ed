import { emergencyScopes, incidentStatuses } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';

const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { additionalProperties: false, ...defined({ title }) });
const instant = Type.String({ format: 'date-time' });
const scopes = Type.Array(Type.Enum([...emergencyScopes]));

export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 64 }) });
export const listQuery = closed({ status: Type.Optional(Type.Enum([...incidentStatuses])) });
export const incidentAnswer = closed(
  {
    id: Type.String({ description: 'inc_...' }),
    status: Type.Enum([...incidentStatuses]),
    holder: Type.String(),
    institution: Type.String({ description: 'LEI' }),
    reason: Type.String(),
    reference: Type.String(),
    resource: Type.String(),
    scopes,
    jkt: Type.String({ description: 'RFC 7638 thumbprint of the key that the access is bound to' }),
    declared_at: instant,
    second_before: instant,
    second: Type.Optional(Type.String()),
    granted_at: Type.Optional(instant),
    ends_at: Type.Optional(instant),
    collected: Type.Boolean(),
    review_due_at: Type.Optional(instant),
    review: Type.Optional(
      closed({
        by: Type.String(),
        at: instant,
        verdict: Type.Enum(['justified', 'not-justified']),
        note: Type.String(),
      }),
    ),
    record_id: Type.String(),
  },
  'Incident',
);
export const incidentList = closed({ incidents: Type.Array(incidentAnswer) });
export const accessAnswer = closed(
  {
    access_token: Type.String(),
    token_type: Type.Literal('DPoP'),
    scope: Type.String(),
    expires_at: instant,
  },
  'EmergencyAccess',
);
