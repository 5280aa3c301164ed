import { errorVocabulary } from '@countersign/kernel';

/** What is signalled of the OpenID Continuous Access Evaluation Profile 1.0, section 3. */
export const caepEvents = [
  'session-revoked',
  'token-claims-change',
  'credential-change',
  'assurance-level-change',
  'device-compliance-change',
  'session-established',
  'session-presented',
] as const;
export type CaepEvent = (typeof caepEvents)[number];

/** Event type URIs (CAEP 1.0 section 3). */
export const caepEventUri = (event: CaepEvent): string =>
  `https://schemas.openid.net/secevent/caep/event-type/${event}`;

/** Errors of the Shared Signals Framework 1.0, section 8, and of RFC 8935 and 8936. */
export const sharedSignalErrors = errorVocabulary({
  stream_not_found: 'not-found',
  stream_exists: 'conflict',
  stream_malformed: 'invalid',
  stream_limit: 'conflict',
  subject_unknown: 'not-found',
  signal_rate_limited: 'rate-limited',
});
