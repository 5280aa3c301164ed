import {
  type AuditAppender,
  type DevicePosture,
  type Directory,
  deviceErrors,
  type RecordDraft,
  standing,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  isCodedError,
  newId,
  parseInstant,
  type Random,
  sha256Digest,
  toInstant,
} from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { PostureFeed, Settings } from '../config.ts';
import { postureClaim } from '../row-claims.ts';
import type { PostureStore, StoredPosture } from '../store/postures.ts';
import { effectivePosture, type PostureMemory } from './posture-memory.ts';
import type { ProvenPostures } from './proven-postures.ts';
import { type PostureReport, parseReport, type ReportedPosture, verifyReport } from './report.ts';

export interface TakenReport {
  /** Number of accepted lines. */
  readonly taken: number;
  /** Number of devices whose posture changed; each change is in the log. */
  readonly changed: number;
  /** Devices that the directory does not have, or not of the feed's institution. */
  readonly unknown: readonly string[];
  /** Devices with a newer known posture. */
  readonly older: readonly string[];
}

export interface ReportDependencies {
  readonly pool: pg.Pool;
  readonly store: PostureStore;
  readonly memory: PostureMemory;
  readonly proven: ProvenPostures;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Settings;
}

/** Records appended concurrently. */
const recordsAtOnce = 64;

export interface ReportSender {
  /** LEI */
  readonly institution: string;
  /** A file may be read again: an old report in one is not an attempt, and not recorded. */
  readonly fromFile?: true;
}

/**
 * Accepts each signed report once, in order of issue. @throws CodedError `posture_feed_unknown`, `posture_report_invalid`,
 * `posture_report_old`, all recorded; `log_unavailable`, `database_unavailable`: repeat the report
 */
export function createReportTaker(dependencies: ReportDependencies) {
  const { pool, store, memory, proven, audit, directory, clock, settings } = dependencies;
  const newRecordId = () => newId('record', dependencies);

  async function take(report: PostureReport, payload: Digest): Promise<TakenReport> {
    const { feed, issuedAt, postures } = report;
    const snapshot = directory.snapshot();
    const ours = postures.flatMap((line) => {
      const device = snapshot.device(line.device);
      return device?.institution === feed.institution ? [{ line, device }] : [];
    });
    const known = new Set(ours.map(({ line }) => line.device));
    return transaction(pool, async (session) => {
      if (issuedAt <= (await store.lockFeed(session, feed.name, feed.institution)))
        throw deviceErrors.error(
          'posture_report_old',
          'This report, or a later one, has already been accepted. Reports of a feed must arrive in order.',
        );
      const stored = await proven.of([...known], await store.of([...known], session));
      const judged = ours.map(({ line, device }) => {
        const was = effectivePosture(device, stored.get(line.device));
        const is = storedOf(line, feed);
        return { line, was, is, older: line.postureAt < (parseInstant(was.postureAt) ?? 0) };
      });
      const fresh = judged.filter(({ older }) => !older);
      const changed = fresh.filter(({ was, is }) => was.posture !== is.posture || !sameCodes(was.failed, is.failed));
      const records = changed.map(({ line, was, is }) => changeRecord(line, was, is, { feed, payload }));
      for (let from = 0; from < records.length; from += recordsAtOnce)
        await Promise.all(records.slice(from, from + recordsAtOnce).map((record) => audit.append(record)));
      await store.advanceFeed(session, feed.name, issuedAt);
      await store.put(
        session,
        fresh.map(({ is }) => is),
      );
      return {
        taken: fresh.length,
        changed: changed.length,
        unknown: postures.map(({ device }) => device).filter((device) => !known.has(device)),
        older: judged.filter(({ older }) => older).map(({ line }) => line.device),
      };
    });
  }

  function changeRecord(
    { device, posture, postureAt, failed }: ReportedPosture,
    was: DevicePosture,
    is: StoredPosture,
    { feed, payload }: { readonly feed: PostureFeed; readonly payload: Digest },
  ): RecordDraft {
    const { of, content } = postureClaim(is);
    return {
      id: newRecordId(),
      type: 'device.posture-changed',
      source: 'devices',
      outcome: 'done',
      subject: { id: device, institution: feed.institution },
      device,
      payload,
      standing: [standing(of, content)],
      data: {
        device,
        institution: feed.institution,
        feed: feed.name,
        posture,
        was: was.posture,
        posture_at: toInstant(postureAt),
        failed: [...failed],
      },
    };
  }

  async function refused(
    error: unknown,
    feed: PostureFeed | undefined,
    payload: Digest,
    by: ReportSender,
  ): Promise<void> {
    if (!isCodedError(error) || !Object.hasOwn(deviceErrors.codes, error.code)) return;
    if (by.fromFile === true && error.code === 'posture_report_old') return;
    await audit.append({
      id: newRecordId(),
      type: 'device.report-refused',
      source: 'devices',
      outcome: 'deny',
      reason: error.code,
      payload,
      data: { ...(feed === undefined ? {} : { feed: feed.name }), detail: error.detail },
    });
  }

  return async (text: string, by: ReportSender): Promise<TakenReport> => {
    const payload = sha256Digest(text);
    let feed: PostureFeed | undefined;
    try {
      const unverified = parseReport(text, settings.feeds);
      // Do not disclose that another institution's feed exists.
      feed = unverified.feed?.institution === by.institution ? unverified.feed : undefined;
      const report = verifyReport(
        { jws: unverified.jws, feed },
        { audience: settings.issuer, now: clock.now(), maxAgeMs: settings.maxPostureAgeMs },
      );
      const taken = await take(report, payload);
      // This node uses it from now on; the others are notified.
      await memory.refresh();
      return taken;
    } catch (error) {
      await refused(error, feed, payload, by);
      throw error;
    }
  };
}

export type ReportTaker = ReturnType<typeof createReportTaker>;

function sameCodes(one: readonly string[], other: readonly string[]): boolean {
  return one.join(' ') === other.join(' ');
}

function storedOf({ postureAt, ...line }: ReportedPosture, feed: PostureFeed): StoredPosture {
  return { ...line, institution: feed.institution, postureAt: new Date(postureAt), source: feed.name };
}
