import {
  changesMarket,
  isApplicationDetail,
  isScope,
  isTransactionStep,
  kindOfScope,
  type TokenDetail,
} from '@countersign/market';

/** What of a token decides whether its scopes have the authority behind them that they need. */
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
 * Why a token may not hold its scopes, in words; undefined when it may.
 *
 * A scope that changes something in a market stands in a token only with the authorization detail of an intent or a step,
 * with its mandate and with its transaction. Approvals rest on the signature of the approver, who may sign for several
 * transactions at once: without a transaction, a scope to bring them opens the issuer's own interfaces and no other.
 *
 * The server asks this before it signs, and everybody who verifies a token asks it again.
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
  // What an application has declared is no authority in a market, whatever members it has.
  if (detail === undefined || isApplicationDetail(detail)) return false;
  if (txn === undefined || intent_digest === undefined) return false;
  // A step names its mandate itself: a token for it does not end with the mandate, see `GrantedStep`.
  return isTransactionStep(detail) ? detail.transaction === txn : mandate?.id === detail.mandate_id;
}
