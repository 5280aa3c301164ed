import type { PublicKey, Signer } from '@countersign/contracts';
import { type Clock, createGenerations, decodeBase64Url, type Random } from '@countersign/kernel';
import { buildAuthorityCertificate } from '@countersign/x509';
import type { Store } from '../store.ts';

export interface AuthorityCertificatesDependencies {
  readonly store: Store;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  /** Names in the certificates. */
  readonly name: string;
  readonly organization: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The authority's key of this moment, with its certificate. */
export interface AuthorityKey {
  readonly kid: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

export interface AuthorityCertificates {
  current(): Promise<AuthorityKey>;
  /** Of every key whose tokens verify, the newest first. A key that was withdrawn has none. */
  all(): Promise<readonly Uint8Array[]>;
}

const tenYearsMs = 10 * 365 * 86_400_000;
/** Clocks differ: a token may be made by a node that is a little behind. */
const backdatedMs = 3_600_000;

/** One certificate for each key, made when it is first needed, and the same on every node from then on. */
export function createAuthorityCertificates(dependencies: AuthorityCertificatesDependencies): AuthorityCertificates {
  const { store, signer, name, organization, clock, random } = dependencies;
  const known = createGenerations<string, Uint8Array>(16);

  async function certificateOf(key: PublicKey): Promise<Uint8Array> {
    const cached = known.get(key.kid);
    if (cached !== undefined) return cached;
    return known.keep(key.kid, (await store.certificateOf(key.kid)) ?? (await issue(key)));
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
      // Of the key that signs now, there is one even before the first token.
      await certificateOf(await signer.current('time-stamp'));
      const kids = (await signer.publicKeys('time-stamp')).map(({ kid }) => kid);
      return store.certificatesOf(kids);
    },
  };
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
