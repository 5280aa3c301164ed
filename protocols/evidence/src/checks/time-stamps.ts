import { isCodedError, type RecordId, sha256 } from '@countersign/kernel';
import { verifyConsistency } from '@countersign/merkle-log';
import {
  certificatesInToken,
  type TimeStampVerdict,
  type VerifiedTimeStamp,
  verifyTimeStampToken,
} from '@countersign/x509';
import type { BundledTimeStamp } from '../bundle.ts';
import { type Evidence, octetsOf, recordsOf } from '../evidence.ts';
import type { FactsOf } from '../facts.ts';
import { openCheckpoint, treeHeadOf } from '../log-key.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding, finding, notChecked } from './check.ts';

/** Tolerated lead of the log's clock over an authority's, besides the accuracy. */
const clockSlackMs = 1_000;

/** What a stamped checkpoint covers (RFC 3161) existed by then, so a record must not claim a later time. */
export const timesAreStamped: Check = {
  id: 'time-stamps',
  title: 'Time stamps are genuine, and no record they cover claims a later time',
  reads: { 'timestamp.obtained': [] },
  run(evidence) {
    const stamps = (evidence.bundle.timeStamps ?? []).map((stamp) => ofCheckpoint(evidence, stamp));
    for (const record of recordsOf(evidence.records, 'timestamp.obtained')) stamps.push(ofRecord(evidence, record));
    if (stamps.length === 0) return notChecked('No time stamp is in the bundle.');
    const result = conclude(
      stamps.flatMap(({ findings }) => findings),
      stamps.map(({ detail }) => detail).join(' '),
    );
    if (!result.ok || isAnchored(evidence)) return result;
    return {
      ...result,
      code: 'timestamp_unanchored',
      detail: `${result.detail} No certificate of a time-stamping authority was given, so each token is checked only against its own certificate.`,
    };
  },
};

interface Judged {
  readonly findings: readonly Finding[];
  readonly detail: string;
}

function ofCheckpoint(evidence: Evidence, { checkpoint, token, proof }: BundledTimeStamp): Judged {
  const opened = openCheckpoint(evidence, checkpoint);
  const head = treeHeadOf(evidence);
  if (!opened.ok || head === undefined)
    return failed('checkpoint_signature', 'A checkpoint that was time-stamped is not signed by the log.');
  const { size, root } = opened.checkpoint;
  const extended =
    size === 0n ||
    verifyConsistency({ from: size, to: head.size, fromRoot: root, toRoot: head.root, proof: proof.map(octetsOf) }).ok;
  if (!extended)
    return failed(
      'log_rewritten',
      `The tree of ${head.size} records is not shown to extend the tree of ${size} that was time-stamped.`,
    );
  const covered = evidence.records.filter(({ index }) => index < size);
  return judge(evidence, { token, digest: sha256(checkpoint), covered });
}

function ofRecord(evidence: Evidence, { id, facts }: BundledRecord<FactsOf<'timestamp.obtained'>>): Judged {
  const { thing, token } = facts;
  if (thing.kind === 'checkpoint')
    return judge(evidence, { token, digest: sha256(thing.checkpoint), covered: undefined, record: id });
  const leaf = evidence.leafById.get(thing.record);
  if (leaf === undefined || leaf.hash.toString('base64url') !== thing.leafHash)
    return failed('timestamp_invalid', 'The record that was time-stamped is not in the bundle, or is another one.', id);
  const covered = evidence.byId.get(thing.record);
  return judge(evidence, {
    token,
    digest: leaf.hash,
    covered: covered === undefined ? [] : [covered],
    record: id,
  });
}

interface Stamp {
  readonly token: string;
  readonly digest: Uint8Array;
  /** Records that existed; undefined for a checkpoint that the bundle's tree is not proved to extend. */
  readonly covered: readonly BundledRecord[] | undefined;
  readonly record?: RecordId;
}

function judge(evidence: Evidence, { token, digest, covered, record }: Stamp): Judged {
  const octets = octetsOf(token);
  const certificates = isAnchored(evidence) ? (evidence.trust.timeStampAuthorities ?? []) : certificatesInToken(octets);
  let verdict: TimeStampVerdict;
  try {
    verdict = verifyTimeStampToken({ token: octets, digest, trusted: { certificates } });
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return failed('timestamp_untrusted', `A certificate that was given to trust is none. ${error.detail}`, record);
  }
  if (!verdict.ok) {
    const code = verdict.reason === 'timestamp_authority_untrusted' ? 'timestamp_untrusted' : 'timestamp_invalid';
    return failed(code, `A time stamp cannot be relied on (${verdict.reason}). ${verdict.detail}`, record);
  }
  const { time } = verdict.timeStamp;
  const latest = latestTimeOf(verdict.timeStamp);
  return {
    findings: (covered ?? [])
      .filter(({ at }) => at > latest)
      .map(({ id }) =>
        finding(
          'timestamp_contradicted',
          `The record claims a later time than ${time}, when a time stamp shows it to have existed.`,
          id,
        ),
      ),
    detail:
      covered === undefined
        ? `A checkpoint was stamped at ${time}.`
        : `${counted(covered.length, 'record')} shown to have existed at ${time}.`,
  };
}

function latestTimeOf({ milliseconds, accuracyMicroseconds = 0 }: VerifiedTimeStamp): number {
  return milliseconds + Math.ceil(accuracyMicroseconds / 1000) + clockSlackMs;
}

function isAnchored({ trust }: Evidence): boolean {
  return (trust.timeStampAuthorities ?? []).length > 0;
}

function failed(code: Finding['code'], detail: string, record?: RecordId): Judged {
  return { findings: [finding(code, detail, record)], detail: '' };
}
