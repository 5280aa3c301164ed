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

/** What a code, a refresh token or a decision on another device carries from its consent. */
export interface ConsentUse {
  /** What the request asked for, which may be less than the consent covers. */
  readonly scopes: GrantTerms['scopes'];
  readonly resource?: string;
  readonly session?: SessionId;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents that the sign-in was made for; left out if another party vouches for the person. */
  readonly boundTo?: readonly Digest[];
  readonly device?: string;
  /** The nonce of the authorization request, for the ID token. */
  readonly nonce?: string;
}

export interface ConsentedAuthorityDependencies {
  readonly idTokens: IdTokens;
  readonly refreshTokens: Pick<RefreshTokens, 'issue'>;
  /** Maximum lifetime of a refresh token in days; it never outlives its consent. */
  readonly refreshTokenLifetimeDays: number;
  /** Whether clients manage their grants (Grant Management for OAuth). */
  readonly grantManagement: boolean;
}

/** The client that uses a consent, and the grant it uses. */
export interface ConsentHolder {
  readonly context: ClientContext;
  readonly confirmation: Confirmation | undefined;
  /** Whether to issue a refresh token: with the first use of a consent, but not with a refresh. */
  readonly firstUse: boolean;
}

const dayMs = 86_400_000;

/**
 * The authority that a person's consent gives to a client while the consent is active. The person is the subject, the
 * client's principal is the actor, and both stay within the terms that were shown and allowed.
 *
 * @throws CodedError `invalid_grant`
 */
export function consentedAuthority(
  grant: Grant | undefined,
  use: ConsentUse,
  holder: ConsentHolder,
  dependencies: ConsentedAuthorityDependencies,
): Omit<Authority, 'usedUp'> {
  const { context, firstUse } = holder;
  const standing = checkGrantStands(grant, context);
  context.note({
    subject: { id: standing.subject, institution: standing.institution },
    references: [standing.recordId],
  });
  checkPerson(standing, context);
  const allowed = new Set<string>(standing.scopes);
  const held = use.scopes.filter((scope) => allowed.has(scope));
  return {
    subject: standing.subject,
    institution: standing.institution,
    actors: pushActor([], context.client.principal, standing.subject),
    ceiling: {
      scope: new Set(held.filter(isScope)),
      protocolScopes: new Set(held.filter(isProtocolScope)),
      offeredDetails: standing.details,
      offeredApplicationDetails: standing.applicationDetails ?? [],
      resources: standing.resources,
      expiresAt: endOf(standing) / 1000,
      ...(use.resource === undefined ? {} : { resource: use.resource }),
    },
    authentication: {
      method: firstUse ? 'consent' : 'refresh',
      acr: use.acr,
      amr: use.amr,
      authTime: use.authTime,
    },
    // At a refresh, the sign-in no longer counts for particular intents.
    ...(use.boundTo === undefined && firstUse ? {} : { boundTo: firstUse ? (use.boundTo ?? []) : [] }),
    ...(use.device === undefined ? {} : { device: use.device }),
    references: [standing.recordId],
    grant: standing,
    companions: (issued) => companionsOf(issued, standing, use, holder, dependencies),
  };
}

/** Looked up each time: a withdrawn consent must stop working at once. */
function checkGrantStands(grant: Grant | undefined, { client, now }: ClientContext): Grant {
  if (grant === undefined || grant.status !== 'active' || endOf(grant) <= now || grant.client !== client.id)
    throw refuse('grant_ended', 'The consent that this rests on has ended: ask the person again.');
  return grant;
}

function checkPerson(grant: Grant, { client, directory }: ClientContext): void {
  const person = directory.principal(grant.subject);
  // A person who has left or changed institution no longer acts for the first institution.
  if (person?.kind !== 'person' || person.institution !== grant.institution)
    throw refuse('grant_person_unknown', 'The person of the consent is no longer of the institution it was given for.');
  // Software of one institution may not carry the authority of another institution's people.
  if (client.profile === 'fapi2' && grant.institution !== client.institution)
    throw refuse('grant_institution', "The person of the consent is not of this client's institution.");
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
  const idToken = granted.has('openid')
    ? await dependencies.idTokens.issue(
        {
          sub: grant.subject,
          auth_time: use.authTime,
          acr: use.acr,
          // A sign-in without proven methods omits the member; an empty list would be malformed.
          ...(use.amr.length === 0 ? {} : { amr: use.amr }),
          ...defined({ nonce: use.nonce, sid: session }),
        },
        { client, accessToken, issuedAt: claims.iat },
      )
    : undefined;
  const refreshes = firstUse && granted.has('offline_access') && client.grantTypes.includes('refresh_token');
  const refreshToken = refreshes
    ? await dependencies.refreshTokens.issue({
        grant: grant.id,
        grantVersion: grant.version,
        client: client.id,
        ...(confirmation !== undefined && 'jkt' in confirmation ? { jkt: confirmation.jkt } : {}),
        scopes: use.scopes,
        resource: claims.aud,
        ...(session === undefined ? {} : { session }),
        acr: use.acr,
        amr: use.amr,
        authTime: use.authTime,
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
