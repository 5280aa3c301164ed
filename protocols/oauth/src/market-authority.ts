import {
  changesMarket,
  isApplicationDetail,
  isScope,
  isTransactionStep,
  kindOfScope,
  type TokenDetail,
} from '@countersign/market';

/** The claims that decide whether a token may hold its scopes. */
export interface AuthorityClaims {
  readonly iss: string;
  readonly aud: string;
  readonly scope: string;
  readonly txn?: string | undefined;
  readonly intent_digest?: string | undefined;
  readonly mandate?: { readonly id: string } | undefined;
  readonly authorization_details?: readonly TokenDetail[] | undefined;
}

/**
 * Why a token may not hold its scopes; undefined if it may. A scope that changes a market needs an intent or step, its
 * mandate and its transaction. An approval scope without a transaction opens only the issuer's interfaces. Checked
 * before signing and by every verifier.
 */
export function authorityFault(claims: AuthorityClaims): string | undefined {
  if (hasAuthority(claims)) return undefined;
  for (const scope of claims.scope.split(' ')) {
    if (!isScope(scope)) continue;
    if (changesMarket(scope))
      return `The scope ${scope} changes something in a market, and the token lacks the authorization detail, the mandate or the transaction that it needs.`;
    if (kindOfScope(scope) === 'approving' && !claims.aud.startsWith(`${claims.iss}/`))
      return `The scope ${scope} without a transaction is for the interfaces of ${claims.iss} alone.`;
  }
  return undefined;
}

function hasAuthority({ txn, intent_digest, mandate, authorization_details: details }: AuthorityClaims): boolean {
  const [detail] = details ?? [];
  // An application detail gives no authority in a market.
  if (detail === undefined || isApplicationDetail(detail)) return false;
  if (txn === undefined || intent_digest === undefined) return false;
  // A step names its own mandate; see `GrantedStep`.
  return isTransactionStep(detail) ? detail.transaction === txn : mandate?.id === detail.mandate_id;
}
