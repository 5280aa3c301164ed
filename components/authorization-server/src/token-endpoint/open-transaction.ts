import type { Client, TransactionFacts, TransactionRegistry } from '@countersign/contracts';
import type { IntentDigest, RecordId, TransactionId } from '@countersign/kernel';
import type { Authority } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import type { StandingMandate } from './check-mandate.ts';

interface Begun {
  readonly id: TransactionId;
  readonly intentDigest: IntentDigest;
  /** The record of its opening, where it was opened or found again by this request. */
  readonly recordId?: RecordId;
}

export interface TokenTransaction extends Begun {
  readonly facts: TransactionFacts;
}

export interface TransactionQuestion {
  readonly granted: GrantedDetail;
  readonly mandate: StandingMandate;
  readonly authority: Authority;
  readonly client: Client;
}

/**
 * The transaction of the intent: opened with the first token for it, found again by its idempotency key, kept
 * through every exchange. The digest is that of the intent as first asked for, and never computed anew.
 */
export async function openTransaction(
  asked: TransactionQuestion,
  registry: Pick<TransactionRegistry, 'open' | 'facts'>,
): Promise<TokenTransaction> {
  const transaction = asked.authority.continues?.transaction ?? (await open(asked, registry));
  const facts = await registry.facts(transaction.id);
  if (facts === undefined) throw refuse('transaction_unknown', `The transaction ${transaction.id} is not known here.`);
  return { ...transaction, facts };
}

async function open(
  { granted, mandate, authority, client }: TransactionQuestion,
  registry: Pick<TransactionRegistry, 'open'>,
): Promise<Begun> {
  const { id, intentDigest, recordId } = await registry.open({
    detail: granted.detail,
    mandate: { id: mandate.id, version: mandate.version, recordId: mandate.recordId },
    initiator: { id: authority.subject, institution: authority.institution },
    client: client.id,
  });
  return { id, intentDigest, recordId };
}
