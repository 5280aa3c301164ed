import type { Mandate, MandateStatus } from '@countersign/contracts';
import { digestOf, type MandateId, type RecordId, toInstant } from '@countersign/kernel';
import type { Terms } from './proposal.ts';

/** What a version knows of its own making. The record's id is chosen first, so that the version can name it. */
export interface Recording {
  readonly recordId: RecordId;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export function firstVersion(
  id: MandateId,
  terms: Terms,
  parent: Mandate | undefined,
  { recordId, at }: Recording,
): Mandate {
  return seal({
    id,
    version: 1,
    kind: 'mandate',
    status: 'proposed',
    grantor: terms.grantor,
    grantee: terms.grantee,
    ...(parent === undefined ? {} : { parent: { id: parent.id, version: parent.version } }),
    constraints: terms.constraints,
    legalBasis: terms.legalBasis,
    termsHash: terms.termsHash,
    effectiveFrom: terms.effectiveFrom,
    effectiveUntil: terms.effectiveUntil,
    recordedAt: toInstant(at),
    recordId,
  });
}

/** The version that follows: another status, everything agreed left as it is, and the digest of the one before. */
export function nextVersion(previous: Mandate, status: MandateStatus, { recordId, at }: Recording): Mandate {
  const { digest, previousDigest: _, ...kept } = previous;
  return seal({
    ...kept,
    version: previous.version + 1,
    status,
    recordedAt: toInstant(at),
    recordId,
    previousDigest: digest,
  });
}

function seal(version: Omit<Mandate, 'digest'>): Mandate {
  return { ...version, digest: digestOf(version) };
}
