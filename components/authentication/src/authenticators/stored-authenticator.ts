import type { Authenticator } from '@countersign/contracts';
import { defined, replaceUnseen } from '@countersign/kernel';
import type { AttestationWorth } from '@countersign/webauthn/ceremonies';

const longest = 60;

/** What a person called their key, fit to be shown: one line of at most 60 characters; `Key 2` when it says nothing. */
export function authenticatorName(given: string | undefined, place: number): string {
  const name = (given ?? '').slice(0, 1_000).replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ');
  const characters = Array.from(replaceUnseen(name, '').trim());
  return characters.length === 0 ? `Key ${place}` : characters.slice(0, longest).join('');
}

/** An authenticator with its internal members. */
export interface StoredAuthenticator extends Authenticator {
  readonly attestation: AttestationWorth;
  readonly attestationFormat: string;
  readonly transports: readonly string[];
  /** The newest signature counter. */
  readonly counter: number;
  /** The WebAuthn user handle, base64url. */
  readonly userHandle: string;
  /** Principal that invited the person to enrol it. */
  readonly invitedBy?: string;
  /** RFC 3339. */
  readonly removedAt?: string;
}

/** The public view of an authenticator. */
export function shownAuthenticator(stored: StoredAuthenticator): Authenticator {
  const { id, person, name, credentialId, kid, jwk, acr, aaguid, backupEligible, attested, registeredAt, recordId } =
    stored;
  const { model, lastUsedAt, suspendedAt } = stored;
  return {
    ...{ id, person, name, credentialId, kid, jwk, acr, aaguid, backupEligible, attested, registeredAt, recordId },
    ...defined({ model, lastUsedAt, suspendedAt }),
  };
}
