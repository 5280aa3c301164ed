import { createPublicKey, type JsonWebKey, X509Certificate } from 'node:crypto';
import { type PublicKey, type Signer, standingErrors } from '@countersign/contracts';
import { type Clock, createGenerations, decodeBase64Url, type Random } from '@countersign/kernel';
import { buildAuthorityCertificate } from '@countersign/x509';
import type { Store } from '../store.ts';

export interface AuthorityCertificatesDependencies {
  readonly store: Store;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly name: string;
  readonly organization: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface AuthorityKey {
  readonly kid: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

export interface AuthorityCertificates {
  current(): Promise<AuthorityKey>;
  /** Newest first. Withdrawn keys have none. */
  all(): Promise<readonly Uint8Array[]>;
}

const tenYearsMs = 10 * 365 * 86_400_000;
/** Another node's clock may be slightly behind. */
const backdatedMs = 3_600_000;

/** Each key gets one certificate when it is first needed, shared by all nodes. */
export function createAuthorityCertificates(dependencies: AuthorityCertificatesDependencies): AuthorityCertificates {
  const { store, signer, name, organization, clock, random } = dependencies;
  const known = createGenerations<string, Uint8Array>(16);

  async function certificateOf(key: PublicKey): Promise<Uint8Array> {
    const cached = known.get(key.kid);
    if (cached !== undefined) return cached;
    const certificate = (await store.certificateOf(key.kid)) ?? (await issue(key));
    if (!isOf(key, certificate))
      throw standingErrors.error(
        'authority_unproven',
        `The stored certificate of the key ${key.kid} was not issued by that key, so no time stamp is made. Ask the operator to delete ` +
          'the row from the table of certificates: a new one is then made.',
      );
    return known.keep(key.kid, certificate);
  }

  async function issue({ kid, jwk }: PublicKey): Promise<Uint8Array> {
    const now = clock.now();
    const notAfter = now + tenYearsMs;
    const certificate = await buildAuthorityCertificate({
      name,
      organization,
      publicKey: { x: coordinate(jwk['x']), y: coordinate(jwk['y']) },
      serial: positive(random.bytes(16)),
      notBefore: now - backdatedMs,
      notAfter,
      sign: async (octets) => (await signer.sign('time-stamp', kid, octets)).signature,
    });
    return store.keepCertificate({ kid, certificate, notAfter, issuedAt: now });
  }

  return {
    async current() {
      const key = await signer.current('time-stamp');
      if (key.algorithm !== 'ES256') throw new Error(`time stamps are signed with ES256, not with ${key.algorithm}`);
      return { kid: key.kid, certificate: await certificateOf(key) };
    },
    async all() {
      // The current key has one before its first token.
      await certificateOf(await signer.current('time-stamp'));
      const keys = await signer.publicKeys('time-stamp');
      const stored = await store.certificatesOf(keys.map(({ kid }) => kid));
      return stored.filter((certificate) => keys.some((key) => isOf(key, certificate)));
    },
  };
}

/** A stored certificate must be self-issued by this key. */
function isOf({ jwk }: PublicKey, certificate: Uint8Array): boolean {
  try {
    const read = new X509Certificate(certificate);
    // The signer published it as a JWK.
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    return read.publicKey.equals(key) && read.verify(key);
  } catch {
    return false;
  }
}

function coordinate(text: string | undefined): Uint8Array {
  const octets = decodeBase64Url(text ?? '');
  if (octets?.length !== 32) throw new Error('the key of the authority is not one on P-256');
  return octets;
}

/** RFC 5280 section 4.1.2.2: positive. */
function positive(octets: Uint8Array): bigint {
  return BigInt(`0x01${Buffer.from(octets).toString('hex')}`);
}
