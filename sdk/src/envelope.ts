import {
  type EnvelopeExpectations,
  envelopeErrors,
  fromHttpField,
  type IdentityEnvelope,
  verifyEnvelope,
} from '@countersign/envelope';
import { type Clock, type IntentDigest, intentDigestOf, systemClock } from '@countersign/kernel';
import { createIssuerKeys } from './issuer-keys.ts';
import { createTransport, isObject, type Transport } from './transport.ts';

export { type IdentityEnvelope, toFixField, toHttpField } from '@countersign/envelope';

/** Facts of the message that carried an envelope. Absent facts are not compared. */
export interface MessageFacts {
  readonly transaction?: string;
  /** The result of {@link digestOfReceivedIntent}, if the message contains the intent. */
  readonly intentDigest?: string;
}

/** Verifies envelopes of one control plane with its published keys. */
export interface EnvelopeVerifier {
  /**
   * Verifies an envelope and that it belongs to its message.
   *
   * @throws CodedError of `envelopeErrors`; `issuer_keys_unavailable` while the keys cannot be fetched
   */
  verify(envelope: string, message: MessageFacts): Promise<IdentityEnvelope>;
  /**
   * Like {@link verify}, for the envelope in the headers of a request.
   *
   * @param headers names in lower case, as Node provides them
   * @throws CodedError `envelope_malformed` also if there is no envelope
   */
  verifyRequest(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    message: MessageFacts,
  ): Promise<IdentityEnvelope>;
}

/** @param options.issuer the issuer identifier of the control plane, exactly as published */
export function createEnvelopeVerifier(options: {
  readonly issuer: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
}): EnvelopeVerifier {
  const { issuer, transport = createTransport(), clock = systemClock } = options;
  const keys = createIssuerKeys({ issuer, transport, clock, path: '/transactions/keys' });

  function verify(envelope: string, { transaction, intentDigest }: MessageFacts): Promise<IdentityEnvelope> {
    const expected = (): EnvelopeExpectations => ({
      issuer,
      now: clock.now(),
      ...(transaction === undefined ? {} : { transaction }),
      ...(intentDigest === undefined ? {} : { intentDigest }),
    });
    return keys.with(
      (keyOf) => verifyEnvelope(envelope, keyOf, expected()),
      (error) => envelopeErrors.is(error, 'envelope_key_unknown'),
    );
  }

  return {
    verify,
    async verifyRequest(headers, message) {
      const envelope = fromHttpField(headers);
      if (envelope === undefined)
        throw envelopeErrors.error('envelope_malformed', 'The request carries no identity envelope.');
      return verify(envelope, message);
    },
  };
}

/**
 * The digest of an intent that was received as an authorization detail (RFC 9396), without `locations` and `actions`, which
 * differ between hops. Compare it with the digest in the envelope to detect a changed field. Details with narrowed limits have
 * another digest, because the intent is the original request.
 *
 * @returns undefined if the detail is not a JSON object
 */
export function digestOfReceivedIntent(detail: unknown): IntentDigest | undefined {
  if (!isObject(detail)) return undefined;
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intentDigestOf(intent);
}
