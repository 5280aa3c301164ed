import type { Lease, LeasedRole, SecretProposal, VenueKey } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { Static } from 'typebox';
import type { Definition } from '../definitions.ts';
import type { ReleasedLease } from '../leases/leases.ts';
import type {
  definitionAnswer,
  leaseAnswer,
  proposalAnswer,
  releasedAnswer,
  roleBody,
  venueKeyBody,
} from './schemas.ts';

export function leaseView(lease: Lease): Static<typeof leaseAnswer> {
  const { id, status, role, database, username, holder, institution, client, ending } = lease;
  return {
    lease: id,
    ...{ status, role, database, username, holder, institution, client },
    issued_at: lease.issuedAt,
    expires_at: lease.expiresAt,
    max_expires_at: lease.maxExpiresAt,
    ...defined({ ending }),
    record_id: lease.recordId,
  };
}

export function releasedView(lease: ReleasedLease): Static<typeof releasedAnswer> {
  const { host, port, database } = lease.place;
  return { ...leaseView(lease), password: lease.password, host, port, database_name: database };
}

function roleView({
  database,
  memberOf,
  ttlSeconds,
  maxTtlSeconds,
  connections,
  endsWith,
}: LeasedRole): Static<typeof roleBody> {
  return {
    ...{ database, connections },
    member_of: [...memberOf],
    ttl_seconds: ttlSeconds,
    max_ttl_seconds: maxTtlSeconds,
    ends_with: endsWith,
  };
}

export function roleOf(role: Static<typeof roleBody>): LeasedRole {
  return {
    database: role.database,
    memberOf: role.member_of,
    ttlSeconds: role.ttl_seconds,
    maxTtlSeconds: role.max_ttl_seconds,
    connections: role.connections,
    endsWith: role.ends_with,
  };
}

function venueKeyView(key: VenueKey): Static<typeof venueKeyBody> {
  const { venue, venueMic, baseUrl, algorithm, apiKey, institution, accounts, symbols, probe } = key;
  return {
    ...{ venue, algorithm, institution, probe },
    venue_mic: venueMic,
    base_url: baseUrl,
    api_key: apiKey,
    accounts: [...accounts],
    symbols: symbols.map((one) => ({ ...one })),
  };
}

export function venueKeyOf(key: Static<typeof venueKeyBody>): VenueKey {
  const { venue, venue_mic: venueMic, base_url: baseUrl, algorithm, api_key: apiKey } = key;
  const { institution, accounts, symbols, probe } = key;
  return { venue, venueMic, baseUrl, algorithm, apiKey, institution, accounts, symbols, probe };
}

export function definitionView(definition: Definition): Static<typeof definitionAnswer> {
  const { kind, name, version, holders, role, venueKey, publicKey, record } = definition;
  return {
    ...{ kind, name, version },
    holders: [...holders],
    ...(role === undefined ? {} : { role: roleView(role) }),
    ...(venueKey === undefined ? {} : { venue_key: venueKeyView(venueKey) }),
    ...defined({ public_key: publicKey }),
    record_id: record,
  };
}

export function proposalView(proposal: SecretProposal): Static<typeof proposalAnswer> {
  const { id, kind, name, change, status, holders, role, venueKey, publicKey, material } = proposal;
  const { proposedBy, proposedAt, expiresAt, reason, digest, decidedBy, decidedAt } = proposal;
  return {
    ...{ id, kind, name, change, status },
    holders: [...holders],
    ...(role === undefined ? {} : { role: roleView(role) }),
    ...(venueKey === undefined ? {} : { venue_key: venueKeyView(venueKey) }),
    ...defined({ public_key: publicKey, material }),
    proposed_by: proposedBy,
    proposed_at: proposedAt,
    expires_at: expiresAt,
    ...{ reason, digest },
    ...defined({ decided_by: decidedBy, decided_at: decidedAt }),
  };
}
