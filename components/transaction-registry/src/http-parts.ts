import {
  type Caller,
  type GuardedRequest,
  type PublicKey,
  type ResourceGuard,
  type TransactionFacts,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import { isCodedError, parseId, type TransactionId } from '@countersign/kernel';
import { parseCompactJws } from '@countersign/oauth';
import { type Static, Type } from 'typebox';
import { notVisible } from './explain-refusal.ts';

export const tag = 'transactions';
export const closed = { additionalProperties: false };
export const id = Type.String({ maxLength: 40 });
export const idParams = Type.Object({ id }, closed);
export type WithId = { Params: Static<typeof idParams> };
/** Each kind of party reads transactions under its own scope. */
export const readScopes = ['order:read', 'settlement:read', 'trade:read', 'report:read'] as const;

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

export function transactionIdOf(text: string): TransactionId {
  const transaction = parseId('transaction', text);
  if (transaction === undefined) throw notVisible();
  return transaction;
}

/** Only parties learn that a transaction exists. */
export async function visibleTo(
  { institution }: Pick<Caller, 'institution'>,
  text: string,
  transactions: Pick<TransactionRegistry, 'facts' | 'parties'>,
): Promise<TransactionFacts> {
  const transaction = transactionIdOf(text);
  const facts = await transactions.facts(transaction);
  if (facts === undefined || !(await transactions.parties(transaction)).includes(institution)) throw notVisible();
  return facts;
}
