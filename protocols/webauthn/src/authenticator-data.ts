import { defined } from '@countersign/kernel';
import { readCborItem } from './cbor.ts';
import { webAuthnErrors } from './errors.ts';

/** Maximum length of authenticator data in octets: 37, a credential, and extensions. */
export const maxAuthenticatorDataOctets = 8_192;
/** WebAuthn Level 3 section 4: longer credential ids are refused. */
export const maxCredentialIdOctets = 1_023;

/** What an authenticator states (WebAuthn Level 3 section 6.1), not yet verified. */
export interface AuthenticatorData {
  /** 32 octets. */
  readonly rpIdHash: Uint8Array;
  readonly userPresent: boolean;
  readonly userVerified: boolean;
  /** BE: the credential may be copied to other devices. */
  readonly backupEligible: boolean;
  /** BS: the credential is currently backed up. */
  readonly backedUp: boolean;
  readonly counter: number;
  /** Present only in a registration. */
  readonly attested?: AttestedCredential;
}

/** WebAuthn Level 3 section 6.5.1. */
export interface AttestedCredential {
  /** 16 octets. */
  readonly aaguid: Uint8Array;
  /** 1 to 1,023 octets. */
  readonly credentialId: Uint8Array;
  /** COSE_Key (RFC 9052 section 7), unchanged. */
  readonly publicKey: Uint8Array;
}

const flags = {
  userPresent: 0x01,
  userVerified: 0x04,
  backupEligible: 0x08,
  backedUp: 0x10,
  attested: 0x40,
  extended: 0x80,
};
/** Reserved for use that does not exist yet: authenticators must not set them. */
const reserved = 0x22;

/**
 * Parses authenticator data completely; trailing octets are refused.
 *
 * @throws CodedError `credential_malformed`; `backup_flags_changed` if BS is set without BE
 */
export function readAuthenticatorData(octets: Uint8Array): AuthenticatorData {
  if (octets.length < 37 || octets.length > maxAuthenticatorDataOctets) throw malformed('has not the length of any');
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const bits = view.getUint8(32);
  if ((bits & reserved) !== 0) throw malformed('has reserved flags set');
  const backupEligible = (bits & flags.backupEligible) !== 0;
  const backedUp = (bits & flags.backedUp) !== 0;
  // Section 6.1.3: a credential that cannot be backed up is not backed up.
  if (backedUp && !backupEligible)
    throw webAuthnErrors.error('backup_flags_changed', 'The key says that it is backed up and that it cannot be.');
  let end = 37;
  let attested: AttestedCredential | undefined;
  if ((bits & flags.attested) !== 0) ({ attested, end } = readAttested(octets, view));
  if ((bits & flags.extended) !== 0) {
    const extensions = readCborItem(octets, end);
    if (!(extensions.value instanceof Map)) throw malformed('has extensions that are no map');
    end = extensions.end;
  }
  if (end !== octets.length) throw malformed('has something behind it');
  return {
    rpIdHash: octets.subarray(0, 32),
    userPresent: (bits & flags.userPresent) !== 0,
    userVerified: (bits & flags.userVerified) !== 0,
    backupEligible,
    backedUp,
    counter: view.getUint32(33),
    ...defined({ attested }),
  };
}

function readAttested(octets: Uint8Array, view: DataView): { attested: AttestedCredential; end: number } {
  if (octets.length < 55) throw malformed('ends too early');
  const length = view.getUint16(53);
  if (length === 0 || length > maxCredentialIdOctets) throw malformed('has a credential id of a length that is none');
  const keyAt = 55 + length;
  if (keyAt >= octets.length) throw malformed('ends too early');
  const { end } = readCborItem(octets, keyAt);
  return {
    attested: {
      aaguid: octets.subarray(37, 53),
      credentialId: octets.subarray(55, keyAt),
      publicKey: octets.subarray(keyAt, end),
    },
    end,
  };
}

function malformed(problem: string) {
  return webAuthnErrors.error('credential_malformed', `The authenticator data ${problem}.`);
}
