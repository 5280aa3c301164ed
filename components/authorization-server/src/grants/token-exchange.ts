import type { Client, DirectorySnapshot } from '@countersign/contracts';
import { defined, digestOf, sha256Base64Url } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  isApplicationDetail,
  isTransactionStep,
  parseLei,
  parseScope,
  type Scope,
} from '@countersign/market';
import {
  type AccessTokenClaims,
  type JsonObject,
  pushActor,
  revocationKey,
  verifyAccessToken,
} from '@countersign/oauth';
import {
  accessTokenType,
  type Continuation,
  type GrantHandler,
  type RequestedToken,
  type RequestedTokenClass,
} from '../grant-handler.ts';
import { isOpaqueToken, type OpaqueTokens } from '../opaque-tokens/index.ts';
import { refuse } from '../refusal.ts';
import type { Revocations } from '../revocations/index.ts';
import type { TokenKeys } from '../token-keys.ts';

export interface TokenExchangeDependencies {
  readonly tokenKeys: TokenKeys;
  readonly opaqueTokens: Pick<OpaqueTokens, 'resolve'>;
  readonly revocations: Pick<Revocations, 'endedBy'>;
  /** The token types that can be requested besides access tokens. */
  readonly requestedTokens: readonly RequestedTokenClass[];
  readonly issuer: string;
}

/**
 * RFC 8693: the recipient of a token exchanges it for a token for the next hop. An exchange narrows authority and never
 * widens it. The requesting client's principal becomes the current actor; transaction, intent and mandate stay the same.
 *
 * The key binding of the subject token is not checked here: that key belongs to the sender, and the recipient has already
 * checked the proof. The new token is bound to the recipient's own key.
 */
export function tokenExchange(
  dependencies: TokenExchangeDependencies,
): GrantHandler<'urn:ietf:params:oauth:grant-type:token-exchange'> {
  const { tokenKeys, opaqueTokens, revocations, requestedTokens, issuer } = dependencies;
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
    parse(parameters) {
      const { subjectToken, requested } = parseParameters(parameters, requestedTokens);
      return {
        async resolve({ client, directory, now, note }) {
          const signed = isOpaqueToken(subjectToken) ? await opaqueTokens.resolve(subjectToken) : subjectToken;
          if (signed === undefined)
            throw refuse('subject_token_unknown', 'The subject token is not one of this region, or it has expired.');
          const token = verifyAccessToken(signed, {
            issuer,
            now,
            keyOf: await tokenKeys.current(),
            // Only the recipient of a token may exchange it, so a third party cannot use a stolen one.
            acceptsAudience: (audience) => directory.resource(audience)?.institution === client.institution,
          });
          const { claims } = token;
          note({ subject: { id: claims.sub, institution: claims.lei }, references: [claims.evidence] });
          checkStillKnown(claims, directory);
          checkNotRevoked(claims, revocations);
          checkMayAct(claims, client, { issuer, directory });
          const details = intentsOf(claims);
          return {
            subject: claims.sub,
            institution: institutionOf(claims),
            actors: pushActor(token.actors, client.principal, claims.sub),
            ceiling: {
              scope: scopesOf(claims),
              details,
              audience: claims.aud,
              expiresAt: claims.exp,
            },
            authentication: {
              method: 'token-exchange',
              ...defined({ acr: claims.acr, authTime: claims.auth_time }),
            },
            usedUp: undefined,
            references: [claims.evidence],
            continues: continuationOf(claims, sha256Base64Url(subjectToken)),
            ...(requested === undefined ? {} : { requested }),
          };
        },
      };
    },
  };
}

/** Refuses unsupported parameters instead of ignoring them (RFC 8693 section 2.1). */
function parseParameters(
  parameters: ReadonlyMap<string, string>,
  requestedTokens: readonly RequestedTokenClass[],
): { readonly subjectToken: string; readonly requested: RequestedToken | undefined } {
  const subjectToken = parameters.get('subject_token');
  if (subjectToken === undefined) throw refuse('parameter_missing', 'The parameter subject_token is missing.');
  if (parameters.get('subject_token_type') !== accessTokenType)
    throw refuse(
      'parameter_unsupported',
      `The subject_token_type must be ${accessTokenType}: an access token of this server.`,
    );
  if (parameters.has('actor_token') || parameters.has('actor_token_type'))
    throw refuse(
      'parameter_unsupported',
      'An actor_token is not supported: the actor is the client that authenticates.',
    );
  return { subjectToken, requested: parseRequested(parameters, requestedTokens) };
}

/** Returns undefined for an access token, which is the default. */
function parseRequested(
  parameters: ReadonlyMap<string, string>,
  requestedTokens: readonly RequestedTokenClass[],
): RequestedToken | undefined {
  const named = parameters.get('requested_token_type') ?? accessTokenType;
  if (named === accessTokenType) return undefined;
  const requested = requestedTokens.find(({ tokenType }) => tokenType === named);
  if (requested === undefined) {
    const known = [accessTokenType, ...requestedTokens.map(({ tokenType }) => tokenType)];
    throw refuse('parameter_unsupported', `The requested_token_type can only be ${known.join(' or ')}.`);
  }
  return requested.parse(parameters);
}

/** A token does not outlive its subject or the client it was issued to. */
function checkStillKnown(claims: AccessTokenClaims, directory: DirectorySnapshot): void {
  if (directory.principal(claims.sub) === undefined || directory.client(claims.client_id) === undefined)
    throw refuse(
      'subject_token_revoked',
      'The subject of the token, or the client it was issued to, is no longer in the directory.',
    );
}

function checkNotRevoked(claims: AccessTokenClaims, revocations: Pick<Revocations, 'endedBy'>): void {
  const by = revocations.endedBy(claims);
  if (by !== undefined)
    throw refuse('subject_token_revoked', `The subject token has been revoked, by its ${by}.`, { revoked: by });
}

/**
 * RFC 8693 section 4.4: an actor must be permitted both by the token and by the interface's current registration. An actor
 * added or removed since the token was issued therefore cannot exchange it.
 */
function checkMayAct(
  { aud, may_act: mayAct }: AccessTokenClaims,
  client: Client,
  { issuer, directory }: { readonly issuer: string; readonly directory: DirectorySnapshot },
): void {
  const registered = directory.resource(aud)?.mayAct;
  if ((registered !== undefined && registered !== client.principal) || !allowsActor(mayAct, client, issuer))
    throw refuse(
      'actor_not_allowed',
      'Another service alone may exchange tokens for this interface: the one named as may_act in the token and in its registration.',
    );
}

/** Applies to every request; an unknown condition counts as not met. */
function allowsActor(mayAct: JsonObject | undefined, client: Client, issuer: string): boolean {
  if (mayAct === undefined) return true;
  const actor: Readonly<Record<string, string>> = { sub: client.principal, client_id: client.id, iss: issuer };
  const named = Object.hasOwn(mayAct, 'sub') || Object.hasOwn(mayAct, 'client_id');
  return named && Object.entries(mayAct).every(([name, value]) => Object.hasOwn(actor, name) && actor[name] === value);
}

function scopesOf(claims: AccessTokenClaims): ReadonlySet<Scope> {
  const scopes = parseScope(claims.scope);
  if (!scopes.ok) throw refuse('scope_unknown', 'The subject token holds a scope that no longer exists.');
  return scopes.value;
}

/** Only intents can be passed on. A step is taken by the institution that requested it and by no later one. */
function intentsOf({ authorization_details: details = [] }: AccessTokenClaims): readonly AuthorizationDetail[] {
  return details.map((detail) => {
    if (isTransactionStep(detail))
      throw refuse(
        'details_unsupported',
        'A token for a step of a transaction is not exchanged: each party asks for its own.',
      );
    if (isApplicationDetail(detail))
      throw refuse(
        'details_unsupported',
        `A token for ${detail.type} is for the application alone that declares it: it is not exchanged.`,
      );
    return detail;
  });
}

function institutionOf(claims: AccessTokenClaims) {
  const lei = parseLei(claims.lei);
  if (!lei.ok) throw refuse('subject_token_revoked', 'The subject token names no valid institution.');
  return lei.value;
}

function continuationOf(claims: AccessTokenClaims, tokenHash: string): Continuation {
  return {
    tokenId: claims.jti,
    evidence: claims.evidence,
    claimsDigest: digestOf(claims),
    tokenHash,
    ancestors: [revocationKey({ kind: 'token', id: claims.jti }), ...(claims.ancestors ?? [])],
    ...(claims.txn === undefined || claims.intent_digest === undefined
      ? {}
      : { transaction: { id: claims.txn, intentDigest: claims.intent_digest } }),
    ...(claims.mandate === undefined ? {} : { mandateVersion: claims.mandate.version }),
    ...(claims.grant === undefined ? {} : { grant: claims.grant }),
  };
}
