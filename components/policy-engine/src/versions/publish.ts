import {
  type AuditAppender,
  type AuditLog,
  appendOnce,
  type PolicyVersion,
  policyErrors,
  type RecordDraft,
  type Requester,
  recordedRequester,
  recordIdOfCommand,
} from '@countersign/contracts';
import { canonicalize, defined, type Json, type PolicyCandidateId, type RecordId } from '@countersign/kernel';
import type pg from 'pg';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { partsOf } from '../bundle/parts.ts';
import { isNewestRecorded, newestPublication, versionStanding } from './recorded-version.ts';
import { type PolicySigner, policiesOf, signActivation } from './signature.ts';
import { insertVersion, newestVersion, type StoredVersion } from './store.ts';

interface Publication {
  readonly loaded: LoadedBundle;
  /** The approver, the person rolling back, or the installation itself. */
  readonly by: Requester;
  readonly changeRequest: string;
  readonly reason: string;
  readonly proposedBy: string;
  readonly approvedBy?: string;
  readonly candidate?: { readonly id: PolicyCandidateId; readonly recordId: RecordId };
  readonly rolledBackTo?: number;
}

/** A record holds 65,535 bytes; the remainder is for its other members. */
const recordedPartsBytes = 58_000;

interface PreparedPublication {
  readonly saying: Omit<RecordDraft, 'id' | 'source'> & { readonly data: Readonly<Record<string, Json>> };
  /** Signs and writes the version, under the lock of the versions. @param time of the record */
  write(session: pg.PoolClient, time: string): Promise<PolicyVersion>;
}

/** Prepares a bundle as the next version. @param recordId of its record */
export function preparePublication(
  { loaded, by, changeRequest, reason, proposedBy, approvedBy, candidate, rolledBackTo }: Publication,
  {
    version,
    recordId,
    signer,
  }: { readonly version: number; readonly recordId: RecordId; readonly signer: PolicySigner },
): PreparedPublication {
  const { hash } = loaded;
  return {
    saying: {
      type: 'policy.published',
      outcome: 'done',
      ...recordedRequester(by),
      ...(candidate === undefined ? {} : { references: [candidate.recordId] }),
      policy: { version, hash },
      standing: [versionStanding({ version, hash, recordId })],
      data: {
        version,
        hash,
        change_request: changeRequest,
        reason,
        proposed_by: proposedBy,
        ...(approvedBy === undefined ? {} : { approved_by: approvedBy }),
        ...(candidate === undefined ? {} : { candidate: candidate.id }),
        ...(rolledBackTo === undefined ? {} : { rolled_back_to: rolledBackTo }),
        parts: recordedParts(loaded),
      },
    },
    async write(session, publishedAt) {
      const activation = {
        ...{ version, hash, publishedAt, recordId, changeRequest, proposedBy },
        ...{ candidate: candidate?.id, approvedBy, rolledBackTo },
      };
      const published: PolicyVersion = {
        ...{ version, hash, publishedAt, recordId, changeRequest, proposedBy },
        ...defined({ approvedBy, rolledBackTo }),
        policies: policiesOf(loaded),
        signature: await signActivation(activation, signer),
      };
      await insertVersion(session, { ...published, candidate: candidate?.id }, loaded.bundle);
      return published;
    },
  };
}

/** @throws CodedError `bundle_signature` if the newest stored version is not the last published one */
export async function requireNewest(
  newest: StoredVersion | undefined,
  audit: Pick<AuditLog, 'find' | 'standings'>,
): Promise<void> {
  if (!(await isNewestRecorded(newest, audit)))
    throw policyErrors.error(
      'bundle_signature',
      'The newest stored policies are not the last published ones. Try again in a few seconds. If that does not help, have the table policy_versions restored from a backup.',
    );
}

/**
 * Publishes a bundle without a candidate, under the lock of the caller's transaction. It is recorded with its texts first, then signed
 * and written. A repetition after a crash finds the same record.
 */
export async function publishVersion(
  session: pg.PoolClient,
  publication: Publication,
  from: { readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>; readonly signer: PolicySigner },
): Promise<PolicyVersion> {
  const newest = await newestVersion(session);
  const version = (newest?.version ?? 0) + 1;
  const { loaded, by } = publication;
  const recordId = recordIdOfCommand({ published: version, hash: loaded.hash, by: by.id, candidate: null });
  if ((await newestPublication(from.audit)) !== recordId) await requireNewest(newest, from.audit);
  const { saying, write } = preparePublication(publication, { version, recordId, signer: from.signer });
  const { time } = await appendOnce(from.audit, { id: recordId, source: 'policy-engine', ...saying });
  return write(session, time);
}

/**
 * All parts by digest, with their contents as far as the record has room, policies before data. The stored version has the rest,
 * protected by the digests.
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
