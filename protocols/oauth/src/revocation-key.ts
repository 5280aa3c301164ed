import { type Digest, sha256Base64Url } from '@countersign/kernel';
import type { AccessTokenClaims } from './access-token.ts';
import type { ActClaim } from './act-chain.ts';

/**
 * What a revocation ends: one token with those exchanged from it, or everything that was issued under a grant or mandate, to
 * a client, for a principal or a partner, or at all.
 */
export type RevocationKind = 'token' | 'grant' | 'mandate' | 'client' | 'principal' | 'partner' | 'everything';

/**
 * The name under which a revocation is published. A digest: whoever reads the list learns nothing of whom it is
 * about, unless it holds a token that is.
 */
export function revocationKey(target: { readonly kind: RevocationKind; readonly id: string }): Digest {
  return sha256Base64Url(`${target.kind}:${target.id}`) as Digest;
}

/** The name under which all tokens end: published where more has ended than a list can name. */
export const everythingKey: Digest = revocationKey({ kind: 'everything', id: '*' });

/** The claims that decide what can end a token. */
export type RevocableClaims = Pick<
  AccessTokenClaims,
  'iat' | 'jti' | 'sub' | 'client_id' | 'lei' | 'act' | 'grant' | 'mandate' | 'ancestors'
>;

/** Under which names the token would be found on the list, every actor's included. */
export function revocationKeysOf(claims: RevocableClaims): readonly Digest[] {
  return revocableParts(claims).map(keyOfPart);
}

/**
 * Why the token is at an end, or undefined when it is not. A revocation ends what was issued up to its time; what is
 * issued later is judged anew.
 *
 * @param revoked the entries of a list: key, and the time in seconds up to which tokens are ended
 */
export function revokedBy(revoked: ReadonlyMap<Digest, number>, claims: RevocableClaims): RevocationKind | undefined {
  // Nearly always nothing is revoked, and hashing nothing is quickest.
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
  // The claim is the key: a service that sees the token need not know the consent's id.
  if (claims.grant !== undefined) parts.push({ kind: 'grant', key: claims.grant });
  // A token ends with each of those that it was exchanged from: who ends a stolen one ends what was made of it.
  for (const key of claims.ancestors ?? []) parts.push({ kind: 'token', key });
  parts.push({ kind: 'everything', key: everythingKey });
  return parts;
}

function keyOfPart(part: Part): Digest {
  return 'key' in part ? part.key : revocationKey(part);
}
