import {
  type Actor,
  type AuditAppender,
  type ConsentStore,
  type Directory,
  type Signer,
  transactionErrors,
} from '@countersign/contracts';
import { envelopeClaims, envelopeJwsHeader, maxEnvelopeSeconds, signEnvelope } from '@countersign/envelope';
import { type Clock, digestOf, type Random, type RecordId, type TransactionId, toInstant } from '@countersign/kernel';
import type { AccountDependencies } from '../approvals/account.ts';
import { type AuthenticatorsHeld, standingApprovals } from '../approvals/standing.ts';
import type { Store } from '../proof/proven-store.ts';
import { recordAbout, referencesTo } from '../records.ts';
import { composeEnvelope, type Grounds } from './compose.ts';
import { standingLine } from './mandate-line.ts';

export interface EnvelopeDependencies {
  readonly store: Store;
  readonly consentStore: Pick<ConsentStore, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly authenticators?: AuthenticatorsHeld;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly audit: AuditAppender;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Our issuer URL: with it verifiers find the keys, at `/transactions/keys`. */
  readonly issuer: string;
  /** At least 32 random bytes that every node of the installation has: who has them can tell whom a reference means. */
  readonly referenceKey: Uint8Array;
  /** How long an envelope can be relied on, at most 3,600; five minutes when left out. */
  readonly envelopeLifeSeconds?: number;
}

const purpose = 'envelope';
const defaultLifeSeconds = 300;

/** Issues the document that travels with messages about a transaction; see the contract. Recorded before it is signed. */
export async function issueEnvelope(
  id: TransactionId,
  by: Actor,
  dependencies: EnvelopeDependencies,
): Promise<{ readonly envelope: string; readonly recordId: RecordId }> {
  const { audit, signer, issuer, referenceKey } = dependencies;
  const grounds = await groundsOf(id, by, dependencies);
  const { transaction, mandates, approvals } = grounds;
  const about = recordAbout(transaction, dependencies);
  const lifeSeconds = Math.min(dependencies.envelopeLifeSeconds ?? defaultLifeSeconds, maxEnvelopeSeconds);
  const envelope = composeEnvelope(grounds, { issuer, record: about.id, lifeSeconds, referenceKey });
  const { kid, algorithm } = await signer.current(purpose);
  if (algorithm !== 'ES256' && algorithm !== 'EdDSA')
    throw new Error('envelopes are signed with ES256 or EdDSA, so that they stay small');
  await audit.append({
    ...about,
    type: 'envelope.issued',
    outcome: 'done',
    references: referencesTo(
      transaction.openedRecordId,
      transaction.lastRecordId,
      ...mandates.map(({ recordId }) => recordId),
      ...approvals.map(({ recordId }) => recordId),
    ),
    subject: by,
    // Whoever shows an envelope later can be compared with what was signed.
    payload: digestOf(envelopeClaims(envelope)),
    data: {
      state: envelope.state,
      version: envelope.version,
      mode: envelope.mode,
      expires_at: toInstant(envelope.expiresAt * 1000),
      kid,
    },
  });
  const text = await signEnvelope(envelope, envelopeJwsHeader({ kid, algorithm }), async (input) => {
    const { signature } = await signer.sign(purpose, kid, input);
    return signature;
  });
  return { envelope: text, recordId: about.id };
}

/**
 * What it says is of one moment: the transaction is locked while it is read. Whoever is no party learns not even that it
 * exists.
 */
async function groundsOf(
  id: TransactionId,
  by: Actor,
  { store, consentStore, directory, authenticators, signalsOf, clock }: EnvelopeDependencies,
): Promise<Grounds> {
  const found = await store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    if (transaction === undefined || by.institution === undefined || !transaction.parties.includes(by.institution))
      throw transactionErrors.error(
        'transaction_not_found',
        'There is no such transaction, or it is not yours to see.',
      );
    const now = clock.now();
    const given = await unit.approvals(id);
    const standing = new Set(
      await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf }),
    );
    return {
      transaction,
      now,
      past: await unit.transitions(id),
      approvals: given.filter((approval) => approval.usedVersion !== undefined || standing.has(approval)),
    };
  });
  return { ...found, mandates: await standingLine(found.transaction.mandate.id, found.now, consentStore) };
}
