import {
  type GuardedRequest,
  type PublicKey,
  type ResourceGuard,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { parseCompactJws } from '@countersign/oauth';

/**
 * Which of several scopes, each of them enough, to ask the guard for: the first that the token claims to hold. The
 * token is only read here; the guard verifies it, and that it holds what was asked for.
 */
export function scopeHeld<const Scope extends string>(
  request: GuardedRequest,
  enough: readonly [Scope, ...Scope[]],
): Scope {
  const [first] = enough;
  // By either scheme: a token that is bound to a certificate comes as a Bearer token (RFC 8705 section 3).
  const token = request.authorization[0]?.split(' ')[1];
  if (token === undefined) return first;
  try {
    const { scope } = parseCompactJws(token, (_, detail) =>
      transactionErrors.error('transition_invalid', detail),
    ).unverifiedClaims;
    const claimed = typeof scope === 'string' ? scope.split(' ') : [];
    return enough.find((candidate) => claimed.includes(candidate)) ?? first;
  } catch (error) {
    // Not a token: the guard says so in its own words.
    if (isCodedError(error)) return first;
    throw error;
  }
}

/** What the routes are made of. */
export interface TransactionRegistryRoutes {
  readonly transactions: TransactionRegistry;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** Keys that verify envelopes: those of the purpose `envelope`. */
  readonly envelopeKeys: () => Promise<readonly PublicKey[]>;
}
