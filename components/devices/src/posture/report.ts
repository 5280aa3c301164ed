import { type DevicePosture, deviceErrors } from '@countersign/contracts';
import { type Json, parseInstant } from '@countersign/kernel';
import {
  type ClaimRefusal,
  checkClaims,
  hasType,
  type JsonObject,
  parseCompactJws,
  type UnverifiedJws,
  verifyJws,
} from '@countersign/oauth';
import type { PostureFeed } from '../config.ts';
import { devicePattern } from '../proof.ts';

/** Characters. */
export const longestReport = 262_144;
export const maxReported = 1_000;
const maxFailed = 32;
const failedPattern = /^[a-z][a-z0-9_]{0,63}$/;
export const reportType = 'countersign-posture+jwt';
/** How far a reporter's clock may be ahead. */
export const clockLeadMs = 60_000;

export interface ReportedPosture {
  readonly device: string;
  readonly posture: DevicePosture['posture'];
  /** Milliseconds since the epoch; never later than the report. */
  readonly postureAt: number;
  readonly failed: readonly string[];
}

export interface PostureReport {
  readonly feed: PostureFeed;
  /** Milliseconds since the epoch; greater than in the previous report of the feed. */
  readonly issuedAt: number;
  readonly postures: readonly ReportedPosture[];
}

/** A parsed report whose signature has not been verified. */
export interface UnverifiedReport {
  readonly jws: UnverifiedJws;
  /** The configured feed that it names. */
  readonly feed: PostureFeed | undefined;
}

const malformed = (detail: string) =>
  deviceErrors.error('posture_report_invalid', `The report is not accepted. ${detail}`);

const refuseClaims: ClaimRefusal = (fault, detail) =>
  fault === 'expired'
    ? deviceErrors.error('posture_report_old', 'The report is too old. Send a new one.')
    : malformed(detail);

/** @throws CodedError `posture_report_invalid` */
export function parseReport(text: string, feeds: ReadonlyMap<string, PostureFeed>): UnverifiedReport {
  const jws = parseCompactJws(text, (_, detail) => malformed(detail), { maxLength: longestReport });
  if (!hasType(jws.header, reportType)) throw malformed(`Its typ must be ${reportType}.`);
  const { iss } = jws.unverifiedClaims;
  return { jws, feed: typeof iss === 'string' ? feeds.get(iss) : undefined };
}

/**
 * One invalid line rejects the whole report. @param expected.now milliseconds since the epoch
 * @throws CodedError `posture_feed_unknown`, `posture_report_invalid`, `posture_report_old`
 */
export function verifyReport(
  { jws, feed }: UnverifiedReport,
  expected: { readonly audience: string; readonly now: number; readonly maxAgeMs: number },
): PostureReport {
  if (feed === undefined)
    throw deviceErrors.error(
      'posture_feed_unknown',
      'The report is of no configured feed. Set iss to the name of the feed.',
    );
  const key = jws.header.kid === undefined ? undefined : feed.keys.get(jws.header.kid);
  if (key === undefined) throw malformed('Its kid names no key of the feed.');
  const claims = verifyJws(jws, key, (_, detail) => malformed(detail));
  const { iat } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['iat'],
      audience: [expected.audience],
      skewSeconds: clockLeadMs / 1000,
      expiresAfterSeconds: expected.maxAgeMs / 1000,
    },
    refuseClaims,
  );
  // Two reports may come within one second, so iat may have a fraction.
  const issuedAt = Math.round(iat * 1000);
  return { feed, issuedAt, postures: readPostures(claims['devices'], Math.min(issuedAt, expected.now)) };
}

function readPostures(devices: Json | undefined, latest: number): readonly ReportedPosture[] {
  if (!Array.isArray(devices) || devices.length === 0 || devices.length > maxReported)
    throw malformed(`Its devices must be a list of 1 to ${maxReported}.`);
  const named = new Set<string>();
  // A list of JSON values, which are read one by one.
  return (devices as readonly Json[]).map((line, place) => {
    const posture = readPosture(line, latest, place);
    if (named.has(posture.device)) throw malformed(`devices[${place}] names a device for the second time.`);
    named.add(posture.device);
    return posture;
  });
}

const members: ReadonlySet<string> = new Set(['device', 'posture', 'posture_at', 'failed']);

function readPosture(line: Json, latest: number, place: number): ReportedPosture {
  const wrong = (what: string) => malformed(`devices[${place}] ${what}.`);
  if (typeof line !== 'object' || line === null || Array.isArray(line)) throw wrong('must be an object');
  // Checked to be an object.
  const given = line as JsonObject;
  if (Object.keys(given).some((name) => !members.has(name))) throw wrong('has an unknown member');
  const { device, posture, posture_at, failed = [] } = given;
  if (typeof device !== 'string' || !devicePattern.test(device)) throw wrong('must name a device of the directory');
  if (posture !== 'compliant' && posture !== 'failing') throw wrong('must have the posture compliant or failing');
  const at = typeof posture_at === 'string' && posture_at.length <= 40 ? parseInstant(posture_at) : undefined;
  if (at === undefined) throw wrong('must have posture_at as RFC 3339 writes a time');
  if (
    !Array.isArray(failed) ||
    failed.length > maxFailed ||
    !failed.every((code): code is string => typeof code === 'string' && failedPattern.test(code))
  )
    throw wrong(`must have failed as at most ${maxFailed} codes in snake_case`);
  if (posture === 'compliant' && failed.length > 0) throw wrong('is compliant but lists failures');
  return { device, posture, postureAt: Math.min(at, latest), failed: [...new Set(failed)].sort() };
}
