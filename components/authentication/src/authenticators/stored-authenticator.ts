import type { Authenticator } from '@countersign/contracts';
import { defined, replaceUnseen } from '@countersign/kernel';
import type { AttestationWorth } from '@countersign/webauthn/ceremonies';

const longest = 60;

/** One line of at most 60 characters; `Key 2` if it is empty. */
export function authenticatorName(given: string | undefined, place: number): string {
  const name = (given ?? '').slice(0, 1_000).replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ');
  const characters = Array.from(replaceUnseen(name, '').trim());
  return characters.length === 0 ? `Key ${place}` : characters.slice(0, longest).join('');
}

export interface StoredAuthenticator extends Authenticator {
  readonly attestation: AttestationWorth;
  readonly attestationFormat: string;
  readonly transports: readonly string[];
  /** The newest signature counter. */
  readonly counter: number;
  /** The WebAuthn user handle, base64url. */
  readonly userHandle: string;
  /** Principal id. */
  readonly invitedBy?: string;
  /** RFC 3339. */
  readonly removedAt?: string;
}

export function shownAuthenticator(stored: StoredAuthenticator): Authenticator {
  const { id, person, name, credentialId, kid, jwk, acr, aaguid, backupEligible, attested, registeredAt, recordId } =
    stored;
  const { model, lastUsedAt, suspendedAt } = stored;
  return {
    ...{ id, person, name, credentialId, kid, jwk, acr, aaguid, backupEligible, attested, registeredAt, recordId },
    ...defined({ model, lastUsedAt, suspendedAt }),
  };
}
