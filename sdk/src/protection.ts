import { type Clock, CodedError, errorVocabulary, systemClock } from '@countersign/kernel';
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
  /** It was ended before its time: the token itself, its consent, its mandate, its client, or one who acts by it. */
  token_revoked: 'unauthenticated',
  /** RFC 9470: facts `acr_values` and `max_age` say what would be enough. */
  insufficient_user_authentication: 'unauthenticated',
  /** A reference token, and this service was not given a way to resolve it. */
  token_opaque: 'unauthenticated',
});

export interface ProtectionOptions {
  /** Issuer identifier of the control plane. */
  readonly issuer: string;
  /** This service's resource URI: the only audience it accepts. */
  readonly audience: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
  /** Shared by the service's instances, so that a proof used at one is refused at all; in memory when left out. */
  readonly replay?: ReplayMemory;
  /**
   * Resolves a reference token at the control plane: the signed access token behind it is not handed out, so what
   * introspection says is believed. Left out, reference tokens are refused. {@link Client.introspect} of a client of
   * the institution that owns the audience.
   */
  readonly introspect?: (token: string) => Promise<AccessTokenClaims | undefined>;
  /**
   * How old the list of revocations may be, in milliseconds: what was revoked earlier than that is refused here. While
   * no such list can be had, everything is. Default {@link defaultRevocationBoundMs}.
   */
  readonly revocationBoundMs?: number;
}

/** One reading of the list a second keeps well within it. */
export const defaultRevocationBoundMs = 10_000;

/** What a request must bring. */
export interface AccessNeed {
  readonly scope: string;
  /** RFC 9470: any of these classes of authentication. */
  readonly acrValues?: readonly string[];
  /** RFC 9470: seconds since the person last showed who they are, at most. */
  readonly maxAgeSeconds?: number;
}

/** Who calls, after every check that can be made without asking the decision point. */
export interface Access {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /** The token as it was presented, for exchanging it. Never log it. */
  readonly accessToken: string;
}

/** The enforcement point of one protected interface. A valid token alone never authorises: ask the decision point too. */
export interface Protection {
  /**
   * Checks token, possession (proof or certificate), revocation, replay, scope and authentication, in this order.
   *
   * @throws CodedError of `accessTokenErrors`, `proofErrors` (oauth) and {@link protectionErrors}
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
        throw protectionErrors.error('token_revoked', 'The access token is bound to nothing, and opens nothing here.');
      const proof = await verifyPossession(presented, claims.cnf, request, { proofKeys, now: clock.now() });
      const ended = await revocations.endedBy(claims);
      if (ended !== undefined)
        throw protectionErrors.error('token_revoked', `The access token was ended: by its ${ended}.`, {
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
  return (
    findClaimFault({ aud, exp }, { nowSeconds: now / 1000, required: ['exp'], audience: [audience] }) === undefined
  );
}

/** RFC 9470 section 3: the token is good, and the sign-in behind it is not enough for this. */
function checkAuthentication(claims: AccessTokenClaims, need: AccessNeed, now: number): void {
  const { acrValues, maxAgeSeconds } = need;
  const strong = acrValues === undefined || (claims.acr !== undefined && acrValues.includes(claims.acr));
  // A sign-in at a time that has not come yet is of no known age.
  const { auth_time: signedInAt = Number.NEGATIVE_INFINITY } = claims;
  const fresh =
    maxAgeSeconds === undefined ||
    (signedInAt + maxAgeSeconds >= now / 1000 && signedInAt <= now / 1000 + clockLeadSeconds);
  if (strong && fresh) return;
  throw protectionErrors.error(
    'insufficient_user_authentication',
    'This needs a stronger or a more recent sign-in of the person: ask for a new token with the values named.',
    {
      facts: {
        ...(acrValues === undefined ? {} : { acr_values: acrValues.join(' ') }),
        ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }),
      },
    },
  );
}

function actorsOf({ act }: AccessTokenClaims): readonly string[] {
  const actors: string[] = [];
  for (let actor = act; actor !== undefined; actor = actor.act) actors.push(actor.sub);
  return actors;
}

/**
 * The `WWW-Authenticate` header for a refusal of {@link Protection.check}: RFC 9449 section 7.1, RFC 6750 section 3,
 * RFC 9470 section 3, and RFC 9728 section 5.1 where the service publishes metadata of its own.
 *
 * @returns undefined for an error that calls for no other credentials
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
