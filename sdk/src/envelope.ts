import { envelopeErrors, fromHttpField, type IdentityEnvelope, verifyEnvelope } from '@countersign/envelope';
import { type Clock, defined, type IntentDigest, intentDigestOf, systemClock } from '@countersign/kernel';
import { createIssuerKeys } from './issuer-keys.ts';
import { createTransport, isObject, type Transport } from './transport.ts';

export { type IdentityEnvelope, toFixField, toHttpField } from '@countersign/envelope';

/** Absent facts are not compared. */
export interface MessageFacts {
  readonly transaction?: string;
  /** From {@link digestOfReceivedIntent}, if the message contains the intent. */
  readonly intentDigest?: string;
}

export interface EnvelopeVerifier {
  /** @throws CodedError of `envelopeErrors`, `issuer_keys_unavailable` */
  verify(envelope: string, message: MessageFacts): Promise<IdentityEnvelope>;
  /** @param headers names in lower case, as in Node @throws CodedError as {@link verify}; `envelope_malformed` if absent */
  verifyRequest(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    message: MessageFacts,
  ): Promise<IdentityEnvelope>;
}

/** @param options.issuer issuer identifier of the control plane, exactly as published */
export function createEnvelopeVerifier(options: {
  readonly issuer: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
}): EnvelopeVerifier {
  const { issuer, transport = createTransport(), clock = systemClock } = options;
  const keys = createIssuerKeys({ issuer, transport, clock, path: '/transactions/keys' });

  function verify(envelope: string, { transaction, intentDigest }: MessageFacts): Promise<IdentityEnvelope> {
    const expected = defined({ transaction, intentDigest });
    return keys.with(
      (keyOf) => verifyEnvelope(envelope, keyOf, { issuer, now: clock.now(), ...expected }),
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
 * The digest of an intent received as an authorization detail (RFC 9396), to compare with an envelope. Narrowed limits
 * give another digest. @returns undefined if it is not a JSON object
 */
export function digestOfReceivedIntent(detail: unknown): IntentDigest | undefined {
  if (!isObject(detail)) return undefined;
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intentDigestOf(intent);
}
