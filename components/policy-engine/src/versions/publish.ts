import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  appendOnce,
  type PolicyVersion,
  policyErrors,
  type Requester,
  recordedRequester,
  recordIdOfCommand,
} from '@countersign/contracts';
import {
  type Clock,
  canonicalize,
  type Digest,
  type Json,
  type PolicyCandidateId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import type pg from 'pg';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { partsOf } from '../bundle/parts.ts';
import { candidateEnded, isNewestRecorded, newestPublication, versionStanding } from './recorded-version.ts';
import { type PolicySigner, signActivation } from './signature.ts';
import { insertVersion, newestVersion } from './store.ts';
import { policiesOf } from './version-rows.ts';

/** How a bundle comes into force. */
interface Publication {
  readonly loaded: LoadedBundle;
  /** Who does this: the approver, whoever rolls back, or the installation itself. */
  readonly by: Requester;
  readonly changeRequest: string;
  readonly reason: string;
  readonly proposedBy: string;
  readonly approvedBy?: string;
  readonly candidate?: { readonly id: PolicyCandidateId; readonly recordId: RecordId };
  readonly rolledBackTo?: number;
}

/** A record holds 65,535 bytes; the rest of it is left to its envelope and to who did this and why. */
const recordedPartsBytes = 60_000;

/** Whoever repeats a publication after a process has died finds what that recorded. */
export function publicationRecord({
  version,
  hash,
  by,
  candidate,
}: {
  readonly version: number;
  readonly hash: Digest;
  readonly by: Actor;
  readonly candidate: PolicyCandidateId | undefined;
}): RecordId {
  return recordIdOfCommand({ published: version, hash, by: by.id, candidate: candidate ?? null });
}

/**
 * Makes a bundle the newest version, under the lock of the caller's transaction: recorded first, with its texts, so
 * that any later decision can be read beside the rules it was made by; then signed, then written.
 */
export async function publishVersion(
  session: pg.PoolClient,
  publication: Publication,
  from: {
    readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
    readonly signer: PolicySigner;
    readonly clock: Clock;
    readonly random: Random;
  },
): Promise<PolicyVersion> {
  const { loaded, by, changeRequest, reason, proposedBy, approvedBy, candidate, rolledBackTo } = publication;
  const newest = await newestVersion(session);
  const version = (newest?.version ?? 0) + 1;
  const recordId = publicationRecord({ version, hash: loaded.hash, by, candidate: candidate?.id });
  if (!(await isNewestRecorded(newest, from.audit)) && (await newestPublication(from.audit)) !== recordId)
    throw policyErrors.error(
      'bundle_signature',
      'The newest policies stored are not those that were published last. Try again in a few seconds; if that does not help, have the table policy_versions restored from a backup.',
    );
  const activation = {
    version,
    hash: loaded.hash,
    publishedAt: toInstant(from.clock.now()),
    recordId,
    changeRequest,
    proposedBy,
    candidate: candidate?.id,
    approvedBy,
    rolledBackTo,
  };
  await appendOnce(from.audit, {
    id: activation.recordId,
    type: 'policy.published',
    source: 'policy-engine',
    outcome: 'done',
    ...recordedRequester(by),
    ...(candidate === undefined ? {} : { references: [candidate.recordId] }),
    policy: { version: activation.version, hash: activation.hash },
    standing: [versionStanding(activation), ...(candidate === undefined ? [] : [candidateEnded(candidate.id)])],
    data: {
      version: activation.version,
      hash: activation.hash,
      change_request: changeRequest,
      reason,
      proposed_by: proposedBy,
      ...(approvedBy === undefined ? {} : { approved_by: approvedBy }),
      ...(candidate === undefined ? {} : { candidate: candidate.id }),
      ...(rolledBackTo === undefined ? {} : { rolled_back_to: rolledBackTo }),
      parts: recordedParts(loaded),
    },
  });
  const published: PolicyVersion = {
    version,
    hash: activation.hash,
    publishedAt: activation.publishedAt,
    recordId: activation.recordId,
    changeRequest,
    proposedBy,
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(rolledBackTo === undefined ? {} : { rolledBackTo }),
    policies: policiesOf(loaded),
    signature: await signActivation(activation, from.signer),
  };
  await insertVersion(session, { ...published, candidate: activation.candidate }, loaded.bundle);
  return published;
}

/**
 * Every part by its digest, which the hash is made of; and what it says as far as a record can hold it, policies
 * before data. What is left out is in the version, where its digest vouches for it.
 */
function recordedParts({ bundle }: LoadedBundle): Json {
  const parts = partsOf(bundle);
  let left = recordedPartsBytes - Buffer.byteLength(canonicalize(parts.map(({ part, digest }) => ({ part, digest }))));
  const order = [...parts].sort((a, b) => Number(a.part.endsWith('.json')) - Number(b.part.endsWith('.json')));
  const held = new Set(
    order.filter(({ content }) => {
      const size = Buffer.byteLength(canonicalize({ content }));
      if (size > left) return false;
      left -= size;
      return true;
    }),
  );
  return parts.map((each) => {
    const { part, digest, content } = each;
    return held.has(each) ? { part, digest, content } : { part, digest };
  });
}
