import { brokerVenues, leaseStatuses, secretKinds, venueAlgorithms } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';

const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { additionalProperties: false, ...defined({ title }) });
const text = Type.String({ maxLength: 200 });
const name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' });
const instant = Type.String({ format: 'date-time' });
const digest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'SHA-256, base64url' });
const reason = Type.String({ minLength: 1, maxLength: 500 });
const principal = Type.String({ maxLength: 80, description: 'Principal id' });
const actor = closed({ id: Type.String(), institution: Type.Optional(Type.String()) });
const record = Type.String({ description: 'Record in the audit log' });

export const nameParams = closed({ name: Type.String({ minLength: 1, maxLength: 64 }) });
export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 64 }) });

export const leaseBody = closed({ role: name });
export const leasesQuery = closed({
  holder: Type.Optional(principal),
  role: Type.Optional(name),
  status: Type.Optional(Type.Enum([...leaseStatuses])),
});
export const proposalsQuery = closed({
  status: Type.Optional(Type.Enum(['proposed', 'approved', 'rejected', 'expired'])),
});
export const versionQuery = closed({ version: Type.Optional(Type.Integer({ minimum: 1 })) });
export const approveBody = closed({ digest });
export const rejectBody = closed({ reason });

const lease = {
  lease: Type.String({ description: 'Of the holder and role; each new credential has a new one' }),
  status: Type.Enum([...leaseStatuses]),
  role: Type.String(),
  database: Type.String(),
  username: Type.String(),
  holder: principal,
  institution: Type.String(),
  client: Type.String(),
  issued_at: instant,
  expires_at: instant,
  max_expires_at: Type.String({ format: 'date-time', description: 'No renewal exceeds this' }),
  ending: Type.Optional(Type.String()),
  record_id: record,
};
export const leaseAnswer = closed(lease, 'Lease');
export const leaseList = closed({ leases: Type.Array(leaseAnswer) }, 'Leases');
export const releasedAnswer = closed(
  {
    ...lease,
    password: Type.String({ description: 'Not stored; the database has a verifier (SCRAM-SHA-256)' }),
    host: Type.String(),
    port: Type.Integer(),
    database_name: Type.String(),
  },
  'ReleasedLease',
);

export const roleBody = closed({
  database: name,
  member_of: Type.Array(Type.String({ maxLength: 63 }), { minItems: 1, maxItems: 16 }),
  ttl_seconds: Type.Integer({ minimum: 60, maximum: 86_400 }),
  max_ttl_seconds: Type.Integer({ minimum: 60, maximum: 86_400 }),
  connections: Type.Integer({ minimum: 1, maximum: 100 }),
  ends_with: Type.Enum(['token', 'holder']),
});
export const venueKeyBody = closed({
  venue: Type.Enum([...brokerVenues]),
  venue_mic: Type.String({ pattern: '^[0-9A-Z]{4}$', description: 'MIC (ISO 10383)' }),
  base_url: text,
  algorithm: Type.Enum([...venueAlgorithms]),
  api_key: Type.String({
    maxLength: 200,
    description: "The venue's name for the key; empty until the venue assigns it",
  }),
  institution: Type.String({ pattern: '^[A-Z0-9]{18}[0-9]{2}$', description: 'LEI' }),
  accounts: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 100 }),
  symbols: Type.Array(
    closed({
      instrument: Type.String({ maxLength: 12, description: 'ISIN, UPI or DTI' }),
      currency: Type.String({ pattern: '^[A-Z]{3}$' }),
      symbol: Type.String({ maxLength: 41 }),
    }),
    { minItems: 1, maxItems: 2_000 },
  ),
  probe: Type.Enum(['required', 'waived']),
});
const holders = Type.Array(principal, { minItems: 1, maxItems: 1_000 });
const defining = { name, holders, reason };

export const proposeRoleBody = closed({ ...defining, role: roleBody });
export const proposeValueBody = closed({
  ...defining,
  value: Type.String({ minLength: 1, maxLength: 32_768, description: 'Encrypted before it is stored' }),
});
export const proposeVenueKeyBody = closed({
  ...defining,
  venue_key: venueKeyBody,
  value: Type.Optional(
    Type.String({ minLength: 1, maxLength: 8_192, description: 'For a key that the venue issued: its secret, or PEM' }),
  ),
  keep: Type.Optional(Type.Boolean({ description: 'Keeps the current key and changes only the other members' })),
});
export const removeBody = closed({ reason });
export const removeParams = closed({ kind: Type.Enum(['roles', 'values', 'venue-keys']), name });

export const proposalAnswer = closed(
  {
    id: record,
    kind: Type.Enum([...secretKinds]),
    name: Type.String(),
    change: Type.Enum(['define', 'remove']),
    status: Type.Enum(['proposed', 'approved', 'rejected', 'expired']),
    holders: Type.Array(Type.String()),
    role: Type.Optional(roleBody),
    venue_key: Type.Optional(venueKeyBody),
    public_key: Type.Optional(Type.String({ description: 'PEM, for the venue' })),
    material: Type.Optional(Type.String({ description: 'SHA-256 of the encrypted value' })),
    proposed_by: actor,
    proposed_at: instant,
    expires_at: instant,
    reason: Type.String(),
    digest: Type.String({ description: 'The approver sends this digest' }),
    decided_by: Type.Optional(actor),
    decided_at: Type.Optional(instant),
  },
  'SecretProposal',
);
export const proposalList = closed({ proposals: Type.Array(proposalAnswer) }, 'SecretProposals');

export const definitionAnswer = closed(
  {
    kind: Type.Enum([...secretKinds]),
    name: Type.String(),
    version: Type.Integer(),
    holders: Type.Array(Type.String()),
    role: Type.Optional(roleBody),
    venue_key: Type.Optional(venueKeyBody),
    public_key: Type.Optional(Type.String()),
    record_id: record,
  },
  'SecretDefinition',
);
export const definitionList = closed({ definitions: Type.Array(definitionAnswer) }, 'SecretDefinitions');
export const valueAnswer = closed(
  { name: Type.String(), version: Type.Integer(), value: Type.String() },
  'SecretValue',
);

// Requests to the broker.

export const orderBody = closed({
  order: Type.Unsafe<object>({
    type: 'object',
    description: 'The trade order of the token, complete, as an authorization detail (RFC 9396)',
  }),
  send: Type.Optional(Type.Boolean({ description: 'Whether the broker sends it; otherwise the caller does' })),
});
export const cancellationBody = closed({
  transaction: Type.String({ maxLength: 64 }),
  send: Type.Optional(Type.Boolean()),
});
export const queryBody = closed({
  path: Type.String({ minLength: 1, maxLength: 2_048 }),
  parameters: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }))),
  send: Type.Optional(Type.Boolean()),
});
export const venueAnswer = closed(
  {
    order: Type.Optional(Type.String({ description: 'The transaction id, which is the client order id' })),
    request: Type.Optional(
      closed({
        method: Type.Enum(['GET', 'POST', 'DELETE']),
        url: Type.String(),
        headers: Type.Record(Type.String(), Type.String()),
        body: Type.String(),
      }),
    ),
    answer: Type.Optional(closed({ status: Type.Integer(), body: Type.String() })),
  },
  'VenueRequest',
);
