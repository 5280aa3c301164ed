import { kindOfPrincipal, type Mandate, parsePrincipalId } from '@countersign/contracts';
import { envelopeBounds, type IdentityEnvelope, subjectReference } from '@countersign/envelope';
import { epochSeconds, type RecordId } from '@countersign/kernel';
import type { StoredApproval, StoredTransaction, StoredTransition } from '../store/store.ts';

export interface Grounds {
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  /** Approvals that a step relied on, and valid ones. */
  readonly approvals: readonly StoredApproval[];
  /** From the named mandate up to the root; empty if one of them is not valid. */
  readonly mandates: readonly Mandate[];
  readonly now: number;
}

export function composeEnvelope(
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
