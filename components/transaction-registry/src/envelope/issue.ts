import {
  type ConsentStore,
  type Directory,
  kindOfPrincipal,
  type Mandate,
  parsePrincipalId,
  type Requester,
  recordedRequester,
  type Signer,
} from '@countersign/contracts';
import {
  envelopeBounds,
  envelopeClaims,
  envelopeJwsHeader,
  type IdentityEnvelope,
  signEnvelope,
  subjectReference,
} from '@countersign/envelope';
import {
  type Clock,
  digestOf,
  epochSeconds,
  type MandateId,
  newId,
  parseInstant,
  type Random,
  type RecordId,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import { type AccountDependencies, type AuthenticatorsHeld, standingApprovals } from '../approvals/standing.ts';
import { notVisible } from '../explain-refusal.ts';
import { type OneRecordSteps, type RecordedSubject, recordOnce } from '../proof/commands.ts';
import type { RegistryLog, Store, Unit } from '../proof/proven-store.ts';
import { changeAbout, referencesTo } from '../records.ts';
import type { StoredApproval, StoredTransaction, StoredTransition } from '../store/store.ts';

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
}

const purpose = 'envelope';
const lifeSeconds = 300;

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
  return recordOnce(issuing(dependencies), envelopes, dependencies, { transaction, by });
}

function issuing(
  dependencies: EnvelopeDependencies,
): OneRecordSteps<
  Issuing,
  StoredTransaction,
  Grounds,
  SigningKey,
  Issued,
  { readonly envelope: string; readonly recordId: RecordId }
> {
  const { signer, issuer, referenceKey } = dependencies;
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

const envelopes: RecordedSubject<Issuing, StoredTransaction, Issued> = {
  hold: (unit, { transaction }) => unit.lock(transaction),
  recorded: (issued) => issued,
  put: async () => undefined,
};

/** Reads the transaction under its lock, so that the envelope shows one moment. Only parties learn that it exists. */
async function groundsOf(
  transaction: StoredTransaction | undefined,
  { by, now }: { readonly by: Requester; readonly now: number },
  unit: Unit,
  { consentStore, directory, authenticators, signalsOf, audit }: EnvelopeDependencies,
): Promise<Grounds> {
  if (transaction === undefined || by.institution === undefined || !transaction.parties.includes(by.institution))
    throw notVisible();
  const given = await unit.approvals(transaction.id);
  const from = { directory, authenticators, signalsOf, audit };
  const standing = new Set(await standingApprovals(transaction, given, now, from));
  return {
    transaction,
    now,
    past: await unit.transitions(transaction.id),
    approvals: given.filter((approval) => approval.usedVersion !== undefined || standing.has(approval)),
    mandates: await standingLine(transaction.mandate.id, now, consentStore),
  };
}

interface Grounds {
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  /** Approvals that a step relied on, and valid ones. */
  readonly approvals: readonly StoredApproval[];
  /** From the named mandate up to the root; empty if one of them is not valid. */
  readonly mandates: readonly Mandate[];
  readonly now: number;
}

function composeEnvelope(
  { transaction, past, approvals, mandates, now }: Grounds,
  about: {
    readonly issuer: string;
    readonly record: RecordId;
    readonly lifeSeconds: number;
    readonly referenceKey: Uint8Array;
  },
): IdentityEnvelope {
  const issuedAt = epochSeconds(now);
  const ref = (principal: string) => subjectReference(principal, about.referenceKey);
  return {
    issuer: about.issuer,
    issuedAt,
    expiresAt: issuedAt + about.lifeSeconds,
    record: about.record,
    transaction: transaction.id,
    state: transaction.state,
    version: transaction.version,
    intentDigest: transaction.intentDigest,
    intentType: transaction.detail.type,
    subject: { ref: ref(transaction.initiator), institution: transaction.initiatorInstitution },
    actors: actorsOf(past, ref),
    mandates: mandates.map(({ id, version, digest }) => ({ id, version, digest })),
    approvals: approvals.map(({ id, recordId: record }) => ({ id, record })),
    decisions: past
      .flatMap(({ decision, recordId }) =>
        decision === undefined ? [] : [{ id: decision.id, record: recordId, policyVersion: decision.policyVersion }],
      )
      .slice(-envelopeBounds.decisions),
    mode: modeOf(transaction),
  };
}

function actorsOf(past: readonly StoredTransition[], ref: (principal: string) => string): IdentityEnvelope['actors'] {
  const actors = new Map<string, IdentityEnvelope['actors'][number]>();
  for (const { actor, institution } of past.toReversed())
    if (actor !== undefined && !actors.has(`${actor} ${institution}`))
      actors.set(`${actor} ${institution}`, { ref: ref(actor), institution });
  return [...actors.values()].slice(0, envelopeBounds.actors);
}

function modeOf({ initiator }: StoredTransaction): IdentityEnvelope['mode'] {
  const principal = parsePrincipalId(initiator);
  return principal !== undefined && kindOfPrincipal(principal) === 'person' ? 'manual' : 'automatic';
}

/** A root mandate and at most eight levels of sub-mandates. */
const longestLine = 9;

/** From the named mandate up to the root; empty if one of them is not valid. */
async function standingLine(
  named: MandateId,
  now: number,
  consentStore: Pick<ConsentStore, 'find'>,
): Promise<readonly Mandate[]> {
  const line: Mandate[] = [];
  let next: MandateId | undefined = named;
  while (next !== undefined) {
    const mandate: Mandate | undefined = await consentStore.find(next);
    const below = line.at(-1);
    if (mandate === undefined || !stands(mandate, now) || line.length === longestLine) return [];
    // The grantor of the sub-mandate must still hold this mandate after a change of counterparty.
    if (below !== undefined && below.grantor.lei !== mandate.grantee.lei) return [];
    line.push(mandate);
    next = mandate.parent?.id;
  }
  return line;
}

function stands({ status, effectiveFrom, effectiveUntil }: Mandate, now: number): boolean {
  const [from, until] = [parseInstant(effectiveFrom), parseInstant(effectiveUntil)];
  return status === 'active' && from !== undefined && until !== undefined && from <= now && now < until;
}
