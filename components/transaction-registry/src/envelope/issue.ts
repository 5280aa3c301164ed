import {
  type ConsentStore,
  type Directory,
  type Requester,
  recordedRequester,
  type Signer,
  transactionErrors,
} from '@countersign/contracts';
import {
  envelopeClaims,
  envelopeJwsHeader,
  type IdentityEnvelope,
  maxEnvelopeSeconds,
  signEnvelope,
} from '@countersign/envelope';
import {
  type Clock,
  digestOf,
  newId,
  type Random,
  type RecordId,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import type { AccountDependencies } from '../approvals/account.ts';
import { type AuthenticatorsHeld, standingApprovals } from '../approvals/standing.ts';
import { type SayingSteps, type Sayings, say } from '../proof/commands.ts';
import type { RegistryLog, Store, Unit } from '../proof/proven-store.ts';
import { changeAbout, referencesTo } from '../records.ts';
import type { StoredTransaction } from '../store/store.ts';
import { composeEnvelope, type Grounds } from './compose.ts';
import { standingLine } from './mandate-line.ts';

export interface EnvelopeDependencies {
  readonly store: Store;
  readonly consentStore: Pick<ConsentStore, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly authenticators?: AuthenticatorsHeld;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly audit: RegistryLog;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Our issuer URL; verifiers find the keys at `/transactions/keys`. */
  readonly issuer: string;
  /** At least 32 random bytes, the same on every node. With them a reference can be resolved to a person. */
  readonly referenceKey: Uint8Array;
  /** Validity in seconds, at most 3,600; 300 by default. */
  readonly envelopeLifeSeconds?: number;
}

const purpose = 'envelope';
const defaultLifeSeconds = 300;

interface Issuing {
  readonly transaction: TransactionId;
  readonly by: Requester;
}
interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'ES256' | 'EdDSA';
}
interface Issued {
  readonly envelope: IdentityEnvelope;
  readonly key: SigningKey;
}

export function issueEnvelope(
  transaction: TransactionId,
  by: Requester,
  dependencies: EnvelopeDependencies,
): Promise<{ readonly envelope: string; readonly recordId: RecordId }> {
  return say(issuing(dependencies), envelopes, dependencies, { transaction, by });
}

function issuing(
  dependencies: EnvelopeDependencies,
): SayingSteps<
  Issuing,
  StoredTransaction,
  Grounds,
  SigningKey,
  Issued,
  { readonly envelope: string; readonly recordId: RecordId }
> {
  const { signer, issuer, referenceKey, envelopeLifeSeconds = defaultLifeSeconds } = dependencies;
  const lifeSeconds = Math.min(envelopeLifeSeconds, maxEnvelopeSeconds);
  return {
    facts: (unit, { ask, row, now }) => groundsOf(row, { by: ask.by, now }, unit, dependencies),
    done: () => undefined,
    async check() {
      const { kid, algorithm } = await signer.current(purpose);
      if (algorithm !== 'ES256' && algorithm !== 'EdDSA')
        throw new Error('the current envelope key uses neither ES256 nor EdDSA');
      return { kid, algorithm };
    },
    once: () => newId('record', dependencies),
    next: ({ facts: grounds, found: key }, record) => ({
      envelope: composeEnvelope(grounds, { issuer, record, lifeSeconds, referenceKey }),
      key,
    }),
    before: async () => undefined,
    record: ({ ask: { by }, facts: { transaction, mandates, approvals } }, { envelope, key }) => ({
      ...changeAbout(transaction),
      type: 'envelope.issued',
      outcome: 'done',
      references: referencesTo(
        transaction.openedRecordId,
        transaction.lastRecordId,
        ...mandates.map(({ recordId }) => recordId),
        ...approvals.map(({ recordId }) => recordId),
      ),
      ...recordedRequester(by),
      // An envelope presented later can be compared with this digest.
      payload: digestOf(envelopeClaims(envelope)),
      data: {
        state: envelope.state,
        version: envelope.version,
        mode: envelope.mode,
        expires_at: toInstant(envelope.expiresAt * 1000),
        kid: key.kid,
      },
    }),
    // The only refusal is that the transaction is not visible.
    refused: () => undefined,
    after: async () => undefined,
    async release({ envelope, key }, { record }) {
      const text = await signEnvelope(envelope, envelopeJwsHeader(key), async (input) => {
        const { signature } = await signer.sign(purpose, key.kid, input, { record });
        return signature;
      });
      return { envelope: text, recordId: record };
    },
  };
}

const envelopes: Sayings<Issuing, StoredTransaction, Issued> = {
  hold: (unit, { transaction }) => unit.lock(transaction),
  recorded: (issued) => issued,
  put: async () => undefined,
};

/** Reads the transaction under its lock, so that the envelope shows one moment. Only parties learn that it exists. */
async function groundsOf(
  transaction: StoredTransaction | undefined,
  { by, now }: { readonly by: Requester; readonly now: number },
  unit: Unit,
  { consentStore, directory, authenticators, signalsOf }: EnvelopeDependencies,
): Promise<Grounds> {
  if (transaction === undefined || by.institution === undefined || !transaction.parties.includes(by.institution))
    throw transactionErrors.error(
      'transaction_not_found',
      'The transaction does not exist, or you have no access to it.',
    );
  const given = await unit.approvals(transaction.id);
  const standing = new Set(await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf }));
  return {
    transaction,
    now,
    past: await unit.transitions(transaction.id),
    approvals: given.filter((approval) => approval.usedVersion !== undefined || standing.has(approval)),
    mandates: await standingLine(transaction.mandate.id, now, consentStore),
  };
}
