import { errorVocabulary } from '@countersign/kernel';

/** The supported events of the OpenID Continuous Access Evaluation Profile 1.0, section 3. */
export const caepEvents = [
  'session-revoked',
  'token-claims-change',
  'credential-change',
  'device-compliance-change',
  'session-established',
  'session-presented',
] as const;
export type CaepEvent = (typeof caepEvents)[number];

/** Event type URIs (CAEP 1.0 section 3). */
export const caepEventUri = (event: CaepEvent): string =>
  `https://schemas.openid.net/secevent/caep/event-type/${event}`;

/** Events about the stream itself (Shared Signals Framework 1.0, sections 8.1.4 and 8.1.5). */
type StreamEvent = 'verification' | 'stream-updated';

export const streamEventUri = (event: StreamEvent): string =>
  `https://schemas.openid.net/secevent/ssf/event-type/${event}`;

/** How events reach a receiver: pushed (RFC 8935), or polled for (RFC 8936). */
export const deliveryMethods = { push: 'urn:ietf:rfc:8935', poll: 'urn:ietf:rfc:8936' } as const;

/** Errors of stream management. The framework defines only their HTTP statuses. */
export const sharedSignalErrors = errorVocabulary({
  stream_not_found: 'not-found',
  stream_malformed: 'invalid',
  /** At most 16 streams for each institution, and 1,000 excluded subjects for each stream. */
  stream_limit: 'conflict',
  /** Verification was requested more often than the stream's `min_verification_interval`. */
  signal_rate_limited: 'rate-limited',
});
