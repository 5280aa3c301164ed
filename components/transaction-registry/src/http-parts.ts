import {
  type GuardedRequest,
  type PublicKey,
  type ResourceGuard,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { parseCompactJws } from '@countersign/oauth';

/** The first of several sufficient scopes that the unverified token claims. The guard then verifies the token and this scope. */
export function scopeHeld<const Scope extends string>(
  request: GuardedRequest,
  enough: readonly [Scope, ...Scope[]],
): Scope {
  const [first] = enough;
  // Either scheme: certificate-bound tokens are sent as Bearer tokens (RFC 8705 section 3).
  const token = request.authorization[0]?.split(' ')[1];
  if (token === undefined) return first;
  try {
    const { scope } = parseCompactJws(token, (_, detail) =>
      transactionErrors.error('transition_invalid', detail),
    ).unverifiedClaims;
    const claimed = typeof scope === 'string' ? scope.split(' ') : [];
    return enough.find((candidate) => claimed.includes(candidate)) ?? first;
  } catch (error) {
    // Not a token; the guard refuses it.
    if (isCodedError(error)) return first;
    throw error;
  }
}

export interface TransactionRegistryRoutes {
  readonly transactions: TransactionRegistry;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** Keys that verify envelopes: those of the purpose `envelope`. */
  readonly envelopeKeys: () => Promise<readonly PublicKey[]>;
}
