import { type Digest, sha256Base64Url } from '@countersign/kernel';
import type { AccessTokenClaims } from './access-token.ts';
import type { ActClaim } from './act-chain.ts';

/**
 * The target of a revocation: one token with all tokens exchanged from it; all tokens of a grant, mandate, client, principal
 * or partner; or all tokens.
 */
export type RevocationKind = 'token' | 'grant' | 'mandate' | 'client' | 'principal' | 'partner' | 'everything';

/**
 * The key under which a revocation is published. It is a digest, so that a reader of the list learns its target only if the
 * reader holds an affected token.
 */
export function revocationKey(target: { readonly kind: RevocationKind; readonly id: string }): Digest {
  return sha256Base64Url(`${target.kind}:${target.id}`) as Digest;
}

/** The key that revokes all tokens. It is published if a list would have too many entries. */
export const everythingKey: Digest = revocationKey({ kind: 'everything', id: '*' });

/** The claims that determine which revocations affect a token. */
export type RevocableClaims = Pick<
  AccessTokenClaims,
  'iat' | 'jti' | 'sub' | 'client_id' | 'lei' | 'act' | 'grant' | 'mandate' | 'ancestors'
>;

/** All keys under which a list could revoke the token, including the keys of every actor. */
export function revocationKeysOf(claims: RevocableClaims): readonly Digest[] {
  return revocableParts(claims).map(keyOfPart);
}

/**
 * Returns the kind of revocation that ends the token, or undefined. A revocation ends tokens issued up to its time; later
 * tokens are not affected.
 *
 * @param revoked the entries of a list: key, and the time in seconds up to which tokens are ended
 */
export function revokedBy(revoked: ReadonlyMap<Digest, number>, claims: RevocableClaims): RevocationKind | undefined {
  // The list is nearly always empty; skip the hashing.
  if (revoked.size === 0) return undefined;
  return revocableParts(claims).find((part) => claims.iat <= (revoked.get(keyOfPart(part)) ?? Number.NEGATIVE_INFINITY))
    ?.kind;
}

export function isRevoked(revoked: ReadonlyMap<Digest, number>, claims: RevocableClaims): boolean {
  return revokedBy(revoked, claims) !== undefined;
}

type Part =
  | { readonly kind: RevocationKind; readonly id: string }
  | { readonly kind: RevocationKind; readonly key: Digest };

function revocableParts(claims: RevocableClaims): readonly Part[] {
  const parts: Part[] = [
    { kind: 'token', id: claims.jti },
    { kind: 'client', id: claims.client_id },
    { kind: 'partner', id: claims.lei },
    { kind: 'principal', id: claims.sub },
  ];
  for (let actor: ActClaim | undefined = claims.act; actor !== undefined; actor = actor.act)
    parts.push({ kind: 'principal', id: actor.sub });
  if (claims.mandate !== undefined) parts.push({ kind: 'mandate', id: claims.mandate.id });
  // The claim is already the revocation key, so that a service does not learn the id of the consent.
  if (claims.grant !== undefined) parts.push({ kind: 'grant', key: claims.grant });
  // Revoking a token also ends every token exchanged from it, so that revoking a stolen token is sufficient.
  for (const key of claims.ancestors ?? []) parts.push({ kind: 'token', key });
  parts.push({ kind: 'everything', key: everythingKey });
  return parts;
}

function keyOfPart(part: Part): Digest {
  return 'key' in part ? part.key : revocationKey(part);
}
