import { type Clock, CodedError, defined, errorVocabulary, systemClock } from '@countersign/kernel';
import {
  type AccessTokenClaims,
  clockLeadSeconds,
  createKeyCache,
  findClaimFault,
  isKeyUnknown,
  type ResourceRequest,
  readPresentedToken,
  verifyAccessToken,
  verifyPossession,
} from '@countersign/oauth';
import { createIssuerKeys, issuerKeyErrors } from './issuer-keys.ts';
import { createReplayMemory, type ReplayMemory } from './replay-memory.ts';
import { createRevocationMemory, revocationMemoryErrors } from './revocation-memory.ts';
import { createTransport, type Transport } from './transport.ts';

export const protectionErrors = errorVocabulary({
  ...issuerKeyErrors.codes,
  ...revocationMemoryErrors.codes,
  insufficient_scope: 'forbidden',
  proof_replayed: 'unauthenticated',
  /** By itself, its consent, mandate, client or an acting principal. */
  token_revoked: 'unauthenticated',
  /** RFC 9470: the facts `acr_values` and `max_age` state the requirement. */
  insufficient_user_authentication: 'unauthenticated',
  /** A reference token, but the service has no `introspect`. */
  token_opaque: 'unauthenticated',
});

export interface ProtectionOptions {
  readonly issuer: string;
  /** Resource URI of this service: the only accepted audience. */
  readonly audience: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
  /** Shared by all instances of the service. Default: in memory. */
  readonly replay?: ReplayMemory;
  /** Resolves reference tokens, e.g. {@link Client.introspect}; they are rejected without it. */
  readonly introspect?: (token: string) => Promise<AccessTokenClaims | undefined>;
  /** Maximum age of the revocation list in milliseconds, after which all tokens are rejected. */
  readonly revocationBoundMs?: number;
}

/** The list is refreshed every second. */
export const defaultRevocationBoundMs = 10_000;

export interface AccessNeed {
  readonly scope: string;
  /** RFC 9470. */
  readonly acrValues?: readonly string[];
  /** RFC 9470. */
  readonly maxAgeSeconds?: number;
}

/** The authenticated caller. The decision point has not been asked yet. */
export interface Access {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /** For token exchange. Never log it. */
  readonly accessToken: string;
}

/** A valid token alone does not authorise a request: also ask the decision point. */
export interface Protection {
  /**
   * Checks token, possession, revocation, replay, scope and authentication, in this order. @throws CodedError of
   * `accessTokenErrors`, `proofErrors` (oauth) and {@link protectionErrors}
   */
  check(request: ResourceRequest, need: AccessNeed): Promise<Access>;
}

export function createProtection(options: ProtectionOptions): Protection {
  const { issuer, audience, introspect } = options;
  const clock = options.clock ?? systemClock;
  const transport = options.transport ?? createTransport();
  const replay = options.replay ?? createReplayMemory({ clock });
  const keys = createIssuerKeys({ issuer, transport, clock });
  const revocations = createRevocationMemory({
    issuer,
    transport,
    clock,
    keys,
    boundMs: options.revocationBoundMs ?? defaultRevocationBoundMs,
  });
  const proofKeys = createKeyCache();

  async function claimsOf(accessToken: string): Promise<Pick<Access, 'claims' | 'scope' | 'actors'>> {
    if (accessToken.includes('.'))
      return keys.with(
        (keyOf) =>
          verifyAccessToken(accessToken, {
            issuer,
            acceptsAudience: (named) => named === audience,
            keyOf,
            now: clock.now(),
          }),
        isKeyUnknown,
      );
    if (introspect === undefined)
      throw protectionErrors.error('token_opaque', 'This service takes no reference tokens.');
    const claims = await introspect(accessToken);
    if (claims === undefined || !isFor(audience, claims, clock.now()))
      throw protectionErrors.error('token_revoked', 'The access token is not active for this service.');
    return { claims, scope: claims.scope.split(' '), actors: actorsOf(claims) };
  }

  return {
    async check(request, need) {
      const presented = readPresentedToken(request.authorization);
      const { claims, scope, actors } = await claimsOf(presented.accessToken);
      if (claims.cnf === undefined)
        throw protectionErrors.error(
          'token_revoked',
          'The access token is not bound to a key, so it is not accepted here.',
        );
      const proof = await verifyPossession(presented, claims.cnf, request, { proofKeys, now: clock.now() });
      const ended = await revocations.endedBy(claims);
      if (ended !== undefined)
        throw protectionErrors.error('token_revoked', `The access token was revoked by its ${ended}.`, {
          facts: { ended_by: ended },
        });
      if (proof !== undefined && (await replay.claim(`${proof.jkt} ${proof.jti}`, proof.expiresAt)) === 'replayed')
        throw protectionErrors.error(
          'proof_replayed',
          'This DPoP proof has been used before; make a new one for each request.',
        );
      if (!scope.includes(need.scope))
        throw protectionErrors.error('insufficient_scope', `The token lacks the scope ${need.scope}.`, {
          facts: { scope: need.scope },
        });
      checkAuthentication(claims, need, clock.now());
      return { claims, scope, actors, accessToken: presented.accessToken };
    },
  };
}

function isFor(audience: string, { aud, exp }: AccessTokenClaims, now: number): boolean {
  const expected = { nowSeconds: now / 1000, required: ['exp'], audience: [audience] } as const;
  return findClaimFault({ aud, exp }, expected) === undefined;
}

/** RFC 9470 section 3. */
function checkAuthentication(claims: AccessTokenClaims, need: AccessNeed, now: number): void {
  const { acrValues, maxAgeSeconds } = need;
  const strong = acrValues === undefined || (claims.acr !== undefined && acrValues.includes(claims.acr));
  // An authentication time in the future has no known age.
  const { auth_time: signedInAt = Number.NEGATIVE_INFINITY } = claims;
  const fresh =
    maxAgeSeconds === undefined ||
    (signedInAt + maxAgeSeconds >= now / 1000 && signedInAt <= now / 1000 + clockLeadSeconds);
  if (strong && fresh) return;
  throw protectionErrors.error(
    'insufficient_user_authentication',
    'This needs a stronger or a more recent sign-in of the person: ask for a new token with the values named.',
    {
      facts: defined({ acr_values: acrValues?.join(' '), max_age: maxAgeSeconds }),
    },
  );
}

function actorsOf({ act }: AccessTokenClaims): readonly string[] {
  const actors: string[] = [];
  for (let actor = act; actor !== undefined; actor = actor.act) actors.push(actor.sub);
  return actors;
}

/**
 * `WWW-Authenticate` for an error of {@link Protection.check} (RFC 9449 section 7.1, RFC 6750 section 3, RFC 9470
 * section 3, RFC 9728 section 5.1). @returns undefined if other credentials would not help
 */
export function challengeOf(error: unknown, options: { readonly resourceMetadata?: string } = {}): string | undefined {
  if (!(error instanceof CodedError)) return undefined;
  const parameters: string[] = [];
  if (error.code === 'insufficient_user_authentication' || error.code === 'insufficient_scope') {
    parameters.push(`error="${error.code}"`);
    for (const name of ['scope', 'acr_values', 'max_age']) {
      const value = error.facts?.[name];
      if (typeof value === 'string' || typeof value === 'number') parameters.push(`${name}="${value}"`);
    }
  } else if (error.category !== 'unauthenticated') return undefined;
  else if (error.code !== 'token_missing')
    parameters.push(`error="${error.code.startsWith('proof_') ? 'invalid_dpop_proof' : 'invalid_token'}"`);
  parameters.push('algs="ES256 EdDSA PS256"');
  if (options.resourceMetadata !== undefined) parameters.push(`resource_metadata="${options.resourceMetadata}"`);
  return `DPoP ${parameters.join(', ')}`;
}
