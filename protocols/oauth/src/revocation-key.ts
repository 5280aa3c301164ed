import { type Digest, sha256Digest } from '@countersign/kernel';
import { changesMarket, isScope } from '@countersign/market';
import type { AccessTokenClaims } from './access-token.ts';
import type { ActClaim } from './act-chain.ts';

/**
 * `token` includes all tokens exchanged from it; the others all tokens of their kind. The kinds that begin with `halted` end only
 * tokens that can start new risk, so that cancelling and reading remain possible.
 */
export type RevocationKind =
  | 'token'
  | 'grant'
  | 'mandate'
  | 'client'
  | 'principal'
  | 'partner'
  | 'everything'
  | 'halted-client'
  | 'halted-principal'
  | 'halted-partner'
  | 'halted-everything';

/** A digest, so that only holders of an affected token learn the target. */
export function revocationKey(target: { readonly kind: RevocationKind; readonly id: string }): Digest {
  return sha256Digest(`${target.kind}:${target.id}`);
}

/** Published instead of a list with too many entries. */
export const everythingKey: Digest = revocationKey({ kind: 'everything', id: '*' });

/** Without `scope` the token is taken for one that cannot start new risk. */
export type RevocableClaims = Pick<
  AccessTokenClaims,
  'iat' | 'jti' | 'sub' | 'client_id' | 'lei' | 'act' | 'grant' | 'mandate' | 'ancestors'
> &
  Partial<Pick<AccessTokenClaims, 'scope'>>;

/** Including those of every actor. */
export function revocationKeysOf(claims: RevocableClaims): readonly Digest[] {
  return revocableParts(claims).map(keyOfPart);
}

/** Later tokens are not affected. @param revoked key, and the time in seconds up to which tokens are ended */
export function revokedBy(revoked: ReadonlyMap<Digest, number>, claims: RevocableClaims): RevocationKind | undefined {
  // The list is nearly always empty.
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
  // Already a revocation key, so that a service does not learn the id of the consent.
  if (claims.grant !== undefined) parts.push({ kind: 'grant', key: claims.grant });
  // Revoking a token also ends every token exchanged from it.
  for (const key of claims.ancestors ?? []) parts.push({ kind: 'token', key });
  parts.push({ kind: 'everything', key: everythingKey });
  if (startsRisk(claims)) {
    parts.push(
      { kind: 'halted-client', id: claims.client_id },
      { kind: 'halted-partner', id: claims.lei },
      { kind: 'halted-principal', id: claims.sub },
      { kind: 'halted-everything', id: '*' },
    );
    for (let actor: ActClaim | undefined = claims.act; actor !== undefined; actor = actor.act)
      parts.push({ kind: 'halted-principal', id: actor.sub });
  }
  return parts;
}

function startsRisk({ scope = '' }: RevocableClaims): boolean {
  return scope.split(' ').some((each) => isScope(each) && changesMarket(each));
}

function keyOfPart(part: Part): Digest {
  return 'key' in part ? part.key : revocationKey(part);
}
