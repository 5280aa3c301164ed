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

/** What a message says that an envelope came with. What is not known is left out, and then not compared. */
export interface MessageFacts {
  readonly transaction?: string;
  /** Of {@link digestOfReceivedIntent}, where the message holds the intent. */
  readonly intentDigest?: string;
}

/** Checks envelopes of one control plane, with the keys that it publishes. */
export interface EnvelopeVerifier {
  /**
   * Verifies an envelope, and that it belongs to the message it came with.
   *
   * @throws CodedError of `envelopeErrors`; `issuer_keys_unavailable` while the keys cannot be had
   */
  verify(envelope: string, message: MessageFacts): Promise<IdentityEnvelope>;
  /**
   * As {@link verify}, for the envelope among a request's headers.
   *
   * @param headers names in lower case, as Node gives them
   * @throws CodedError `envelope_malformed` also where there is none: who asks for one needs it
   */
  verifyRequest(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    message: MessageFacts,
  ): Promise<IdentityEnvelope>;
}

/** @param options.issuer the control plane, exactly as it calls itself */
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
 * The digest of an intent that was received as an authorization detail (RFC 9396): all of it but `locations` and
 * `actions`, which differ from hop to hop. To be compared with the one in the envelope, so that no field of the intent
 * was changed on the way. Details whose limits were narrowed on the way have another digest; the intent is what was
 * asked for at the start.
 *
 * @returns undefined for what is no JSON object
 */
export function digestOfReceivedIntent(detail: unknown): IntentDigest | undefined {
  if (!isObject(detail)) return undefined;
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intentDigestOf(intent);
}
