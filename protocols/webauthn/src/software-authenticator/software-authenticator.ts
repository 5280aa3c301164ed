import { sign } from 'node:crypto';
import { type Random, sha256, systemRandom } from '@countersign/kernel';
import { type Cbor, writeCbor } from '../cbor.ts';
import { coseAlgorithms, coseKeyOfJwk, type PublicJwk } from '../cose-key.ts';
import type { StatementClaims, WebAuthnSignature } from '../statement.ts';
import { statementChallenge } from '../verify-statement.ts';
import { type AttestationAuthority, type AttestationKey, createAttestationAuthority } from './attestation-authority.ts';
import {
  type CredentialKey,
  generateCredentialKey,
  restoreCredentialKey,
  type SoftwareAlgorithm,
} from './credential-key.ts';
import { readCreationOptions, readRequestOptions } from './read-options.ts';

/** Deviations from a correct ceremony, for tests. */
export interface CeremonyBehaviour {
  readonly userPresent?: boolean;
  readonly userVerified?: boolean;
  readonly backupEligible?: boolean;
  readonly backedUp?: boolean;
  /** Counter to state once; the real counter goes on unchanged. */
  readonly counter?: number;
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
}

export interface SoftwareAuthenticatorOptions {
  /** Origin of the page, e.g. `https://localhost:8443`. */
  readonly origin: string;
  /** Default: ES256. */
  readonly algorithm?: SoftwareAlgorithm;
  /** Default: `packed`, with a certificate of the manufacturer. */
  readonly attestation?: 'packed' | 'self' | 'none';
  /** The manufacturer. Default: a new one, which nobody trusts. */
  readonly authority?: AttestationAuthority;
  readonly aaguid?: string;
  /** BE of its credentials. Default: false, as for keys in hardware. */
  readonly backupEligible?: boolean;
  /** Whether its counter rises, as that of security keys. Default: true. That of synced passkeys stays at zero. */
  readonly counts?: boolean;
  readonly saved?: readonly SavedCredential[];
  readonly random?: Random;
}

/** One credential with its private key, as JSON. */
export interface SavedCredential {
  readonly credentialId: string;
  readonly rpId: string;
  readonly userHandle: string;
  readonly backupEligible: boolean;
  readonly counter: number;
  readonly key: Readonly<Record<string, string>>;
}

/** RegistrationResponseJSON (WebAuthn Level 3 section 5.2.1). */
export interface RegistrationResponse {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Readonly<Record<string, never>>;
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports: readonly string[];
  };
}

/** AuthenticationResponseJSON (section 5.2.2). */
export interface AuthenticationResponse {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Readonly<Record<string, never>>;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle: string;
  };
}

/**
 * An authenticator with its browser in software, for tests, the demonstration and development. Its keys are in memory, so its
 * attestation proves something only where its manufacturer is trusted.
 */
export interface SoftwareAuthenticator {
  readonly authority: AttestationAuthority;
  readonly aaguid: string;
  /**
   * `navigator.credentials.create` (section 5.1.3).
   *
   * @param options PublicKeyCredentialCreationOptionsJSON
   */
  create(options: unknown, behaviour?: CeremonyBehaviour): RegistrationResponse;
  /**
   * `navigator.credentials.get` (section 5.1.4), with the newest matching credential.
   *
   * @param options PublicKeyCredentialRequestOptionsJSON
   * @throws Error without a matching credential
   */
  get(options: unknown, behaviour?: CeremonyBehaviour): AuthenticationResponse;
  /** Signs a statement with its newest credential, without a page. */
  sign(claims: StatementClaims, behaviour?: CeremonyBehaviour): { signature: WebAuthnSignature; jwk: PublicJwk };
  save(): readonly SavedCredential[];
}

interface Credential {
  readonly id: string;
  readonly rpId: string;
  readonly userHandle: string;
  readonly backupEligible: boolean;
  counter: number;
  readonly key: CredentialKey;
}

const defaultAaguid = 'c0c0c0c0-5757-4a4a-8b8b-000000000001';

export function createSoftwareAuthenticator(options: SoftwareAuthenticatorOptions): SoftwareAuthenticator {
  const { algorithm = 'ES256', attestation = 'packed', aaguid = defaultAaguid, counts = true } = options;
  const random = options.random ?? systemRandom;
  const authority = options.authority ?? createAttestationAuthority({ random });
  const attestationKey = attestation === 'packed' ? authority.issue(aaguid) : undefined;
  const credentials: Credential[] = (options.saved ?? []).map(({ credentialId, key, ...saved }) => ({
    ...saved,
    id: credentialId,
    key: restoreCredentialKey(key),
  }));

  function clientData(type: string, challenge: string, behaviour: CeremonyBehaviour): Buffer {
    return Buffer.from(
      JSON.stringify({
        type,
        challenge: behaviour.challenge ?? challenge,
        origin: behaviour.origin ?? options.origin,
        crossOrigin: behaviour.crossOrigin ?? false,
      }),
    );
  }

  function authenticatorData(credential: Credential, behaviour: CeremonyBehaviour, attested?: Uint8Array): Buffer {
    const bits = [
      [0x01, behaviour.userPresent ?? true],
      [0x04, behaviour.userVerified ?? true],
      [0x08, behaviour.backupEligible ?? credential.backupEligible],
      [0x10, behaviour.backedUp ?? behaviour.backupEligible ?? credential.backupEligible],
      [0x40, attested !== undefined],
    ] as const;
    const tail = Buffer.alloc(5);
    tail.writeUInt8(bits.reduce((sum, [bit, set]) => (set ? sum | bit : sum), 0));
    tail.writeUInt32BE(behaviour.counter ?? credential.counter, 1);
    return Buffer.concat([sha256(behaviour.rpId ?? credential.rpId), tail, attested ?? Buffer.alloc(0)]);
  }

  function assertion(credential: Credential, challenge: string, behaviour: CeremonyBehaviour) {
    if (counts) credential.counter += 1;
    const client = clientData('webauthn.get', challenge, behaviour);
    const data = authenticatorData(credential, behaviour);
    return { client, data, signature: credential.key.sign(Buffer.concat([data, sha256(client)])) };
  }

  return {
    authority,
    aaguid,

    create(request, behaviour = {}) {
      const { challenge, rpId, userHandle, excluded } = readCreationOptions(request, options.origin);
      if (credentials.some(({ id }) => excluded.includes(id)))
        throw new DOMException('This authenticator is registered already.', 'InvalidStateError');
      const credential: Credential = {
        id: text(random.bytes(32)),
        rpId,
        userHandle,
        backupEligible: options.backupEligible ?? false,
        counter: 0,
        key: generateCredentialKey(algorithm),
      };
      credentials.push(credential);
      const id = Buffer.from(credential.id, 'base64url');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const model = Buffer.from(attestation === 'none' ? '0'.repeat(32) : aaguid.replaceAll('-', ''), 'hex');
      const data = authenticatorData(
        credential,
        behaviour,
        Buffer.concat([model, length, id, coseKeyOfJwk(credential.key.jwk)]),
      );
      const client = clientData('webauthn.create', challenge, behaviour);
      const signed = Buffer.concat([data, sha256(client)]);
      const object = writeCbor(
        new Map<string, Cbor>([
          ['fmt', attestation === 'none' ? 'none' : 'packed'],
          ['attStmt', attest(signed, credential.key, algorithm, attestation, attestationKey)],
          ['authData', data],
        ]),
      );
      return {
        ...credentialOf(credential),
        response: { clientDataJSON: text(client), attestationObject: text(object), transports: ['usb'] },
      };
    },

    get(request, behaviour = {}) {
      const { challenge, rpId, allowed } = readRequestOptions(request, options.origin);
      const credential = credentials.findLast(
        (candidate) => candidate.rpId === rpId && (allowed.length === 0 || allowed.includes(candidate.id)),
      );
      if (credential === undefined) throw new DOMException('No credential fits.', 'NotAllowedError');
      const { client, data, signature } = assertion(credential, challenge, behaviour);
      return {
        ...credentialOf(credential),
        response: {
          clientDataJSON: text(client),
          authenticatorData: text(data),
          signature: text(signature),
          userHandle: credential.userHandle,
        },
      };
    },

    sign(claims, behaviour = {}) {
      const credential = credentials.at(-1);
      if (credential === undefined) throw new DOMException('No credential was made.', 'NotAllowedError');
      const { client, data, signature } = assertion(credential, statementChallenge(claims), behaviour);
      return {
        jwk: credential.key.jwk,
        signature: {
          credential_id: credential.id,
          authenticator_data: text(data),
          client_data_json: text(client),
          signature: text(signature),
          rp_id: behaviour.rpId ?? credential.rpId,
          origin: behaviour.origin ?? options.origin,
        },
      };
    },

    save: () =>
      credentials.map(({ id, key, rpId, userHandle, backupEligible, counter }) => ({
        credentialId: id,
        rpId,
        userHandle,
        backupEligible,
        counter,
        key: key.save(),
      })),
  };
}

function credentialOf({ id }: Credential) {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {} } as const;
}

/** The attestation statement: format `packed` (section 8.2), or nothing. */
function attest(
  signed: Uint8Array,
  key: CredentialKey,
  algorithm: SoftwareAlgorithm,
  attestation: 'packed' | 'self' | 'none',
  maker: AttestationKey | undefined,
): ReadonlyMap<string, Cbor> {
  if (attestation === 'none') return new Map();
  if (maker === undefined)
    return new Map<string, Cbor>([
      ['alg', coseAlgorithms[algorithm]],
      ['sig', key.sign(signed)],
    ]);
  return new Map<string, Cbor>([
    ['alg', coseAlgorithms.ES256],
    ['sig', sign('sha256', signed, maker.privateKey)],
    ['x5c', [maker.certificate]],
  ]);
}

function text(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
