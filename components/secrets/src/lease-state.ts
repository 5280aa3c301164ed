import { createHash } from 'node:crypto';
import {
  type LastingToken,
  type Lease,
  type LeaseEnding,
  type LeaseStatus,
  leaseEndings,
  leaseStatuses,
} from '@countersign/contracts';
import { defined, type Json, parseInstant, type RecordId, toInstant } from '@countersign/kernel';
import { type RevocableClaims, revocationKeysOf } from '@countersign/oauth';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** The state of a lease on which decisions depend. Times are milliseconds since the epoch. */
export interface LeaseState {
  /** 20 hexadecimal digits, by holder, acting chain and role. */
  readonly slot: string;
  readonly generation: number;
  readonly role: string;
  readonly database: string;
  readonly username: string;
  readonly holder: string;
  /** Principal ids of the acting chain. */
  readonly through: readonly string[];
  /** LEI. */
  readonly institution: string;
  readonly client: string;
  /** Claims of the latest token, as far as they decide about revocation. */
  readonly claims: RevocableClaims;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly maxExpiresAt: number;
  readonly status: LeaseStatus;
  readonly ending: LeaseEnding | undefined;
}

/** A row: the state, and members on which no decision depends. */
export interface StoredLease extends LeaseState {
  /** The record of the last change. */
  readonly change: RecordId;
}

/** The lease of a holder and role. Each chain of actors for the same holder has a lease of its own. */
export function slotOf(holder: string, through: readonly string[], role: string): string {
  return createHash('sha256')
    .update(JSON.stringify([holder, through, role]))
    .digest('hex')
    .slice(0, 20);
}

/** Database roles that this installation creates start with this prefix. */
export function usernamePrefix(issuer: string): string {
  return `cs_${createHash('sha256').update(issuer).digest('hex').slice(0, 6)}_`;
}

/**
 * The slot and generation in the name of a database role; undefined for a role that this installation did not create.
 */
export function leaseOfUsername(prefix: string, username: string) {
  if (!username.startsWith(prefix)) return undefined;
  const found = /^([0-9a-f]{20})_([1-9][0-9]{0,9})$/.exec(username.slice(prefix.length));
  return found === null ? undefined : { slot: found[1] ?? '', generation: Number(found[2]) };
}

export const leaseId = ({ slot, generation }: Pick<LeaseState, 'slot' | 'generation'>): string =>
  `${slot}.${generation}`;

/**
 * @returns undefined for text that is not the id of a lease
 */
export function parseLeaseId(text: string): { readonly slot: string; readonly generation: number } | undefined {
  const found = /^([0-9a-f]{20})\.([1-9][0-9]{0,9})$/.exec(text);
  return found === null ? undefined : { slot: found[1] ?? '', generation: Number(found[2]) };
}

/** The claims of a token that decide about its revocation. */
export function claimsOf({
  iat,
  jti,
  sub,
  client_id,
  lei,
  act,
  grant,
  mandate,
  ancestors,
}: LastingToken): RevocableClaims {
  return { iat, jti, sub, client_id, lei, ...defined({ act, grant, mandate, ancestors }) };
}

const text = Type.String();
const carriedSchema = Type.Object({
  slot: Type.String({ pattern: '^[0-9a-f]{20}$' }),
  generation: Type.Integer(),
  role: text,
  database: text,
  username: text,
  holder: text,
  through: Type.Array(text),
  institution: text,
  client: text,
  claims: Type.Record(text, Type.Unknown()),
  issued_at: text,
  expires_at: text,
  max_expires_at: text,
  status: Type.Enum([...leaseStatuses]),
  ending: Type.Union([Type.Enum([...leaseEndings]), Type.Null()]),
});
const carried = Compile(carriedSchema);

/** The state as records and rows store it. */
export function carriedOf(state: LeaseState): { readonly [name: string]: Json } {
  return {
    slot: state.slot,
    generation: state.generation,
    role: state.role,
    database: state.database,
    username: state.username,
    holder: state.holder,
    through: [...state.through],
    institution: state.institution,
    client: state.client,
    // Plain JSON, as in the token.
    claims: JSON.parse(JSON.stringify(state.claims)) as Json,
    issued_at: toInstant(state.issuedAt),
    expires_at: toInstant(state.expiresAt),
    max_expires_at: toInstant(state.maxExpiresAt),
    status: state.status,
    ending: state.ending ?? null,
    // For queries; derived from the members above.
    people: [state.holder, ...state.through],
    revocation_keys: [...revocationKeysOf(state.claims)],
  };
}

/** @throws Error when this was not written by this component */
export function stateOf(content: unknown): LeaseState {
  if (!carried.Check(content)) throw new Error('the state of a lease cannot be read');
  return {
    slot: content.slot,
    generation: content.generation,
    role: content.role,
    database: content.database,
    username: content.username,
    holder: content.holder,
    through: content.through,
    institution: content.institution,
    client: content.client,
    // This component wrote the record, and the log has checked its digest.
    claims: content.claims as unknown as RevocableClaims,
    issuedAt: momentOf(content.issued_at),
    expiresAt: momentOf(content.expires_at),
    maxExpiresAt: momentOf(content.max_expires_at),
    status: content.status,
    ending: content.ending ?? undefined,
  };
}

function momentOf(instant: string): number {
  const at = parseInstant(instant);
  if (at === undefined) throw new Error('the state of a lease has a time that cannot be read');
  return at;
}

export function shown(state: LeaseState & { readonly change: RecordId }): Lease {
  const { status, role, database, username, holder, institution, client, ending, change } = state;
  return {
    id: leaseId(state),
    ...{ status, role, database, username, holder, institution, client },
    issuedAt: toInstant(state.issuedAt),
    expiresAt: toInstant(state.expiresAt),
    maxExpiresAt: toInstant(state.maxExpiresAt),
    ...defined({ ending }),
    recordId: change,
  };
}
