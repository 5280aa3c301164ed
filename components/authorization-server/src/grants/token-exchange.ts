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
  /** Besides access tokens. */
  readonly requestedTokens: readonly RequestedTokenClass[];
  readonly issuer: string;
}

/**
 * RFC 8693: the recipient exchanges a token for one for the next hop, with the same transaction, intent and mandate. It narrows
 * authority. The key of the subject token is not checked: it belongs to the sender.
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
            throw refuse('subject_token_unknown', 'The subject token has expired or belongs to another region.');
          const token = verifyAccessToken(signed, {
            issuer,
            now,
            keyOf: await tokenKeys.current(),
            // Only the recipient of a token may exchange it.
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
            usedUp: undefined,
            actors: pushActor(token.actors, client.principal, claims.sub),
            ceiling: {
              scope: scopesOf(claims),
              details,
              audience: claims.aud,
              expiresAt: claims.exp,
            },
            authentication: { method: 'token-exchange', ...defined({ acr: claims.acr, authTime: claims.auth_time }) },
            references: [claims.evidence],
            continues: continuationOf(claims, sha256Base64Url(subjectToken)),
            ...defined({ requested }),
          };
        },
      };
    },
  };
}

/** RFC 8693 section 2.1. */
function parseParameters(
  parameters: ReadonlyMap<string, string>,
  requestedTokens: readonly RequestedTokenClass[],
): { readonly subjectToken: string; readonly requested: RequestedToken | undefined } {
  const subjectToken = parameters.get('subject_token');
  if (subjectToken === undefined) throw refuse('parameter_missing', 'The parameter subject_token is missing.');
  if (parameters.get('subject_token_type') !== accessTokenType)
    throw refuse('parameter_unsupported', `The subject_token_type must be ${accessTokenType}.`);
  if (parameters.has('actor_token') || parameters.has('actor_token_type'))
    throw refuse('parameter_unsupported', 'actor_token is not supported. The actor is the authenticated client.');
  return { subjectToken, requested: parseRequested(parameters, requestedTokens) };
}

/** Undefined for an access token. */
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

/** A token ends with its subject and its client. */
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

/** RFC 8693 section 4.4: both the token and the current registration of the interface must permit the actor. */
function checkMayAct(
  { aud, may_act: mayAct }: AccessTokenClaims,
  client: Client,
  { issuer, directory }: { readonly issuer: string; readonly directory: DirectorySnapshot },
): void {
  const registered = directory.resource(aud)?.mayAct;
  if ((registered !== undefined && registered !== client.principal) || !allowsActor(mayAct, client, issuer))
    throw refuse(
      'actor_not_allowed',
      'Only the service named as may_act in the token and in the registration may exchange tokens for this interface.',
    );
}

/** An unknown condition is not met. */
function allowsActor(mayAct: JsonObject | undefined, client: Client, issuer: string): boolean {
  if (mayAct === undefined) return true;
  const actor: Readonly<Record<string, string>> = { sub: client.principal, client_id: client.id, iss: issuer };
  const named = Object.hasOwn(mayAct, 'sub') || Object.hasOwn(mayAct, 'client_id');
  return named && Object.entries(mayAct).every(([name, value]) => Object.hasOwn(actor, name) && actor[name] === value);
}

function scopesOf(claims: AccessTokenClaims): ReadonlySet<Scope> {
  const scopes = parseScope(claims.scope);
  if (!scopes.ok) throw refuse('scope_unknown', 'The subject token has a scope that no longer exists.');
  return scopes.value;
}

/** Only intents can be passed on. */
function intentsOf({ authorization_details: details = [] }: AccessTokenClaims): readonly AuthorizationDetail[] {
  return details.map((detail) => {
    if (isTransactionStep(detail))
      throw refuse(
        'details_unsupported',
        'A token for a transaction step cannot be exchanged. Each party requests its own.',
      );
    if (isApplicationDetail(detail))
      throw refuse(
        'details_unsupported',
        `A token for ${detail.type} is for its application only and cannot be exchanged.`,
      );
    return detail;
  });
}

function institutionOf(claims: AccessTokenClaims) {
  const lei = parseLei(claims.lei);
  if (!lei.ok) throw refuse('subject_token_revoked', 'The subject token does not name a valid institution.');
  return lei.value;
}

function continuationOf(claims: AccessTokenClaims, tokenHash: string): Continuation {
  const { jti, evidence, txn, intent_digest: intentDigest, mandate, grant, ancestors = [] } = claims;
  return {
    tokenId: jti,
    evidence,
    claimsDigest: digestOf(claims),
    tokenHash,
    ancestors: [revocationKey({ kind: 'token', id: jti }), ...ancestors],
    ...(txn === undefined || intentDigest === undefined ? {} : { transaction: { id: txn, intentDigest } }),
    ...defined({ mandateVersion: mandate?.version, grant }),
  };
}
