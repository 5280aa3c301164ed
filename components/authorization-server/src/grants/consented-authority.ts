import type { Grant, GrantTerms } from '@countersign/contracts';
import { type Digest, defined, parseInstant, type SessionId } from '@countersign/kernel';
import { isScope } from '@countersign/market';
import { type Confirmation, pushActor } from '@countersign/oauth';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { Authority, Companions, IssuedAccessToken } from '../grant-handler.ts';
import type { IdTokens } from '../id-tokens.ts';
import { isProtocolScope } from '../protocol-scopes.ts';
import type { RefreshTokens } from '../refresh-tokens/index.ts';
import { refuse } from '../refusal.ts';

/** Carried from a consent by a code, a refresh token or an approval. */
export interface ConsentUse {
  /** May be less than the consent covers. */
  readonly scopes: GrantTerms['scopes'];
  readonly resource?: string;
  readonly session?: SessionId;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents of the sign-in; absent if another party vouches for the person. */
  readonly boundTo?: readonly Digest[];
  readonly device?: string;
  /** For the ID token. */
  readonly nonce?: string;
}

export interface ConsentedAuthorityDependencies {
  readonly idTokens: IdTokens;
  readonly refreshTokens: Pick<RefreshTokens, 'issue'>;
  /** Maximum; a refresh token never outlives its consent. */
  readonly refreshTokenLifetimeDays: number;
  /** Grant Management for OAuth. */
  readonly grantManagement: boolean;
}

export interface ConsentHolder {
  readonly context: ClientContext;
  readonly confirmation: Confirmation | undefined;
  /** Issues a refresh token, unlike a refresh. */
  readonly firstUse: boolean;
}

const dayMs = 86_400_000;

/** The person is the subject and the client's principal the actor, within the terms of an active consent. @throws CodedError `invalid_grant` */
export function consentedAuthority(
  grant: Grant | undefined,
  use: ConsentUse,
  holder: ConsentHolder,
  dependencies: ConsentedAuthorityDependencies,
): Omit<Authority, 'usedUp'> {
  const { context, firstUse } = holder;
  const active = requireActive(grant, context);
  const { subject, institution, recordId } = active;
  context.note({ subject: { id: subject, institution }, references: [recordId] });
  checkPerson(active, context);
  const allowed = new Set<string>(active.scopes);
  const held = use.scopes.filter((scope) => allowed.has(scope));
  return {
    subject,
    institution,
    grant: active,
    references: [recordId],
    actors: pushActor([], context.client.principal, subject),
    ceiling: {
      scope: new Set(held.filter(isScope)),
      protocolScopes: new Set(held.filter(isProtocolScope)),
      offeredDetails: active.details,
      offeredApplicationDetails: active.applicationDetails ?? [],
      resources: active.resources,
      expiresAt: endOf(active) / 1000,
      ...defined({ resource: use.resource }),
    },
    authentication: { method: firstUse ? 'consent' : 'refresh', acr: use.acr, amr: use.amr, authTime: use.authTime },
    // At a refresh, the sign-in no longer counts for particular intents.
    ...(use.boundTo === undefined && firstUse ? {} : { boundTo: firstUse ? (use.boundTo ?? []) : [] }),
    ...defined({ device: use.device }),
    companions: (issued) => companionsOf(issued, active, use, holder, dependencies),
  };
}

/** Checked at each use. */
function requireActive(grant: Grant | undefined, { client, now }: ClientContext): Grant {
  if (grant === undefined || grant.status !== 'active' || endOf(grant) <= now || grant.client !== client.id)
    throw refuse('grant_ended', 'The consent has ended. Ask the person again.');
  return grant;
}

function checkPerson(grant: Grant, { client, directory }: ClientContext): void {
  const person = directory.principal(grant.subject);
  // The person may have left or changed institution.
  if (person?.kind !== 'person' || person.institution !== grant.institution)
    throw refuse('grant_person_unknown', 'The person of the consent no longer belongs to its institution.');
  // Not for people of another institution.
  if (client.profile === 'fapi2' && grant.institution !== client.institution)
    throw refuse('grant_institution', "The person of the consent does not belong to this client's institution.");
}

async function companionsOf(
  { claims, accessToken, protocolScopes: granted }: IssuedAccessToken,
  grant: Grant,
  use: ConsentUse,
  { context, confirmation, firstUse }: ConsentHolder,
  dependencies: ConsentedAuthorityDependencies,
): Promise<Companions> {
  const { client, now } = context;
  const { session } = use;
  const { acr, amr, authTime: auth_time, nonce } = use;
  // A sign-in without proven methods omits `amr`; an empty list would be malformed.
  const methods = amr.length === 0 ? undefined : amr;
  const statement = { sub: grant.subject, auth_time, acr, ...defined({ amr: methods, nonce, sid: session }) };
  const idToken = granted.has('openid')
    ? await dependencies.idTokens.issue(statement, { client, accessToken, issuedAt: claims.iat })
    : undefined;
  const refreshes = firstUse && granted.has('offline_access') && client.grantTypes.includes('refresh_token');
  const refreshToken = refreshes
    ? await dependencies.refreshTokens.issue({
        grant: grant.id,
        grantVersion: grant.version,
        client: client.id,
        resource: claims.aud,
        scopes: use.scopes,
        acr,
        amr,
        authTime: use.authTime,
        ...defined({ session }),
        ...(confirmation !== undefined && 'jkt' in confirmation ? { jkt: confirmation.jkt } : {}),
        expiresAt: Math.min(endOf(grant), now + dependencies.refreshTokenLifetimeDays * dayMs),
      })
    : undefined;
  return {
    ...defined({ refresh_token: refreshToken, id_token: idToken }),
    ...(dependencies.grantManagement ? { grant_id: grant.id } : {}),
  };
}

/** Milliseconds since the epoch. */
function endOf({ expiresAt }: Grant): number {
  return parseInstant(expiresAt) ?? 0;
}
