import type { Mandate, MandateConsent, MandateTerms, Signer } from '@countersign/contracts';
import { canonicalize, defined, digestOf, type MandateId, type RecordId, toInstant } from '@countersign/kernel';
import { termsOf } from './terms.ts';

/** The record and time of a version. The record id is chosen first, so that the version can name it. */
export interface Recording {
  readonly recordId: RecordId;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type UnsealedMandate = Omit<Mandate, 'digest' | 'signature'>;

export type MandateSigner = Pick<Signer, 'current' | 'sign'>;

export function firstVersion(
  id: MandateId,
  terms: MandateTerms,
  consent: MandateConsent,
  { recordId, at }: Recording,
): UnsealedMandate {
  return {
    id,
    version: 1,
    status: 'proposed',
    ...termsOf(terms),
    consents: [consent],
    recordedAt: toInstant(at),
    recordId,
  };
}

/** The changes of a step. New terms come with their consents; an amendment is kept, set or removed. */
type VersionChange = Partial<Pick<Mandate, 'status' | 'consents'>> & {
  readonly terms?: MandateTerms;
  readonly amendment?: Mandate['amendment'] | 'none';
};

/** The next version: the changes of the step, everything else unchanged, and the digest of the previous version. */
export function nextVersion(previous: Mandate, change: VersionChange, { recordId, at }: Recording): UnsealedMandate {
  const amendment = change.amendment ?? previous.amendment;
  const terms = change.terms ?? previous;
  const version = previous.version + 1;
  const heldFrom = terms.grantee.lei === previous.grantee.lei ? previous.heldFrom : version;
  return {
    id: previous.id,
    version,
    status: change.status ?? previous.status,
    ...termsOf(terms),
    // Versions of earlier releases have no consents.
    consents: change.consents ?? previous.consents ?? [],
    ...(amendment === undefined || amendment === 'none' ? {} : { amendment }),
    ...defined({ heldFrom }),
    recordedAt: toInstant(at),
    recordId,
    previousDigest: previous.digest,
  };
}

export async function seal(version: UnsealedMandate, signer: MandateSigner): Promise<Mandate> {
  const document = canonicalize(version);
  const digest = digestOf(version);
  const key = await signer.current('mandate');
  const { kid, algorithm, signature } = await signer.sign('mandate', key.kid, Buffer.from(digest), {
    document: Buffer.from(document),
    record: version.recordId,
  });
  return { ...version, digest, signature: { kid, algorithm, value: Buffer.from(signature).toString('base64url') } };
}
