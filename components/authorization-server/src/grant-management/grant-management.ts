import {
  type AuditAppender,
  type Caller,
  type Directory,
  type Grant,
  type GrantRegister,
  oauthErrors,
  type ProtocolScope,
} from '@countersign/contracts';
import { type Clock, epochSeconds, newId, parseId, parseInstant, type Random } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail } from '@countersign/market';
import type { AuthorizationServerMetadata } from '@countersign/oauth';
import { isProtocolScope } from '../protocol-scopes.ts';
import type { Revocations } from '../revocations/index.ts';

export interface GrantManagementDependencies {
  readonly issuer: string;
  readonly grants: Pick<GrantRegister, 'find'>;
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

/** Grant Management for OAuth, draft 03, section 6. */
export interface GrantManagement {
  /** @throws CodedError `invalid_grant_id` for a grant of another client, an ended one or an unknown one: one answer for all */
  query(caller: Caller, grantId: string): Promise<GrantDescription>;
  /** Ends the grant and every refresh and access token issued under it. @throws as {@link query} */
  revoke(caller: Caller, grantId: string): Promise<void>;
}

export const grantManagementScopes: ReadonlySet<ProtocolScope> = new Set([
  'grant_management_query',
  'grant_management_revoke',
]);

/** Issuer and path together are the audience of its tokens. */
export const grantManagementPath = '/grants';

export function createGrantManagement(dependencies: GrantManagementDependencies): GrantManagement {
  const { issuer, grants, revocations, directory, audit, clock, random } = dependencies;

  async function ownGrant(caller: Caller, grantId: string, operation: 'query' | 'revoke'): Promise<Grant> {
    const id = parseId('grant', grantId);
    const grant = id === undefined ? undefined : await grants.find(id);
    const fault = grant === undefined ? 'grant_unknown' : faultOf(grant, caller);
    if (grant !== undefined && fault === undefined) return grant;
    await audit.append({
      id: newId('record', { clock, random }),
      type: 'access.refused',
      source: 'authorization-server',
      outcome: 'deny',
      reason: fault ?? 'grant_unknown',
      ...(grant === undefined ? {} : { references: [grant.recordId] }),
      subject: { id: caller.subject, institution: caller.institution },
      actors: caller.actors.map((actor) => ({ id: actor })),
      client: caller.client,
      audience: [issuer + grantManagementPath],
      data: { operation: `grant:${operation}`, ...(id === undefined ? {} : { grant: id }) },
    });
    // Does not disclose whether the grant exists (section 10).
    throw oauthErrors.error('invalid_grant_id', 'There is no such grant that the caller may manage.', {
      facts: { reason: 'grant_unknown' },
    });
  }

  function faultOf(grant: Grant, { client, subject }: Caller): string | undefined {
    if (grant.client !== client) return 'grant_foreign';
    // With a person's authority, only that person's grants.
    const own = directory.snapshot().client(client)?.principal === subject;
    if (!own && grant.subject !== subject) return 'grant_foreign';
    if (grant.status !== 'active' || (parseInstant(grant.expiresAt) ?? 0) <= clock.now()) return 'grant_ended';
    return undefined;
  }

  return {
    async query(caller, grantId) {
      return describeGrant(await ownGrant(caller, grantId, 'query'));
    },
    async revoke(caller, grantId) {
      const { id } = await ownGrant(caller, grantId, 'revoke');
      const by = { id: caller.actors[0] ?? caller.subject, institution: caller.institution };
      await revocations.revoke({ kind: 'grant', id }, by, 'grant_management');
    },
  };
}

/** Section 7.1. */
export function grantManagementMetadata(issuer: string) {
  return {
    grant_management_endpoint: issuer + grantManagementPath,
    grant_management_actions_supported: ['query', 'revoke', 'create', 'merge', 'replace'],
    grant_management_action_required: false,
  } satisfies Partial<AuthorizationServerMetadata>;
}

/** Section 6.4. Times are in seconds since the epoch. */
export interface GrantDescription {
  readonly scopes: readonly { readonly scope: string; readonly resource?: readonly string[] }[];
  readonly authorization_details: readonly (AuthorizationDetail | ApplicationDetail)[];
  readonly last_updated_at: number;
  readonly expires_at: number;
}

/** The consent without the person (section 6) and without the scopes of the API itself (section 6.1). */
export function describeGrant(grant: Grant): GrantDescription {
  const { scopes, details, applicationDetails = [], resources, givenAt, expiresAt } = grant;
  const held = scopes.filter((scope) => !isProtocolScope(scope) || !grantManagementScopes.has(scope));
  const market = held.filter((scope) => !isProtocolScope(scope));
  const protocol = held.filter(isProtocolScope);
  return {
    scopes: [
      ...(market.length === 0 ? [] : [{ scope: market.join(' '), resource: resources }]),
      ...(protocol.length === 0 ? [] : [{ scope: protocol.join(' ') }]),
    ],
    authorization_details: [...details, ...applicationDetails],
    last_updated_at: secondsOf(givenAt),
    expires_at: secondsOf(expiresAt),
  };
}

function secondsOf(instant: string): number {
  const milliseconds = parseInstant(instant);
  if (milliseconds === undefined) throw new Error('a grant has an invalid time');
  return epochSeconds(milliseconds);
}
