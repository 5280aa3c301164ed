import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CodedError, isVisibleText, sha256Base64Url, toInstant } from '@countersign/kernel';
import { reimported } from '@countersign/kernel/key-pairs';
import {
  assembleRevocationList,
  buildIssuingCertificate,
  buildRootCertificate,
  buildTbsRevocationList,
  decodePem,
  encodeDirectoryName,
  encodePem,
  keyIdentifierOf,
  readCertificationRequest,
  readRevocationList,
  readX509Certificate,
} from '@countersign/x509';
import type { AuthorityRequestFile, CeremonyFile } from './ceremony-files.ts';

const files = { key: 'root.key', certificate: 'root.pem', list: 'root.crl' } as const;
const dayMs = 86_400_000;
const yearMs = 365 * 86_400_000;

function invalid(detail: string) {
  return new CodedError({ code: 'ceremony_invalid', category: 'invalid', detail });
}

/** Two people who are present, by name; the transcript names them. @throws CodedError `ceremony_invalid` */
export function readWitnesses(names: readonly string[]): readonly string[] {
  const present = names.map((name) => name.trim());
  if (present.length < 2 || new Set(present.map((name) => name.toLowerCase())).size < present.length)
    throw invalid('A ceremony has two different people at least: --person NAME --person NAME.');
  if (present.some((name) => !isVisibleText(name) || name.length > 100))
    throw invalid('The name of a person is one line of at most 100 characters.');
  return present;
}

/**
 * Creates the key and the certificate of a root in a new folder. The key is a P-384 key, encrypted with the passphrase (PKCS #8,
 * AES-256); it never leaves the machine.
 *
 * @throws CodedError `ceremony_invalid`
 */
export async function createRoot(options: {
  readonly folder: string;
  readonly organization: string;
  readonly persons: readonly string[];
  readonly years: number;
  readonly passphrase: string;
  readonly now: number;
}): Promise<{ readonly fingerprint: string; readonly transcript: string }> {
  const { folder, organization, years, passphrase, now } = options;
  const persons = readWitnesses(options.persons);
  if (passphrase.length < 16) throw invalid('The passphrase of the root key has 16 characters at least.');
  if (!Number.isInteger(years) || years < 1 || years > 30) throw invalid('A root lives for 1 to 30 years.');
  if (existsSync(join(folder, files.key))) throw invalid(`${resolve(folder)} has a root already.`);
  const { privateKey, publicKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-384' }));
  const certificate = await buildRootCertificate({
    ...signing(privateKey, { now, years }),
    subject: encodeDirectoryName([
      ['organizationName', [...organization].slice(0, 64).join('')],
      ['commonName', [...`${organization} root`].slice(0, 64).join('')],
    ]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase });
  writeFileSync(join(folder, files.key), key, { mode: 0o600, flag: 'wx' });
  writeFileSync(join(folder, files.certificate), encodePem('CERTIFICATE', certificate), { flag: 'wx' });
  const fingerprint = sha256Base64Url(certificate);
  const transcript = transcriptOf(now, persons, [
    `root ${organization} root`,
    `root certificate SHA-256 ${fingerprint}`,
    `valid until ${toInstant(now + years * yearMs)}`,
  ]);
  writeFileSync(join(folder, 'root-transcript.txt'), transcript, { flag: 'wx' });
  return { fingerprint, transcript };
}

/**
 * Signs a request for an issuing authority with the root: exactly the constraints of the request, and no others.
 *
 * @throws CodedError `ceremony_invalid`
 */
export async function signAuthority(options: {
  readonly folder: string;
  readonly request: AuthorityRequestFile;
  readonly persons: readonly string[];
  readonly years: number;
  readonly passphrase: string;
  readonly now: number;
}): Promise<CeremonyFile> {
  const { folder, request, years, passphrase, now } = options;
  const persons = readWitnesses(options.persons);
  const rootPem = readFileSync(join(folder, files.certificate), 'utf8');
  const root = readX509Certificate(derOf(rootPem, 'CERTIFICATE'));
  const privateKey = openKey(join(folder, files.key), passphrase);
  const { subject, publicKey } = readCertificationRequest(derOf(request.request, 'CERTIFICATE REQUEST'));
  if (thumbprintOf(publicKey) !== request.id) throw invalid('The request is for another key than the one it names.');
  const notAfter = now + years * yearMs;
  if (!Number.isInteger(years) || years < 1 || notAfter > root.notAfter)
    throw invalid('An issuing authority lives for a whole number of years, and not longer than its root.');
  const limits = { uriHosts: request.uri_hosts, dnsNames: request.dns_names, policies: request.policies };
  const certificate = await buildIssuingCertificate({
    ...signing(privateKey, { now, years }),
    ...{ root, limits },
    request: { subject, publicKey },
  });
  return {
    class: request.class,
    certificate: encodePem('CERTIFICATE', certificate),
    root: rootPem,
    transcript: transcriptOf(now, persons, [
      `issuing authority ${request.name}, class ${request.class}`,
      `key ${request.id}`,
      `URI hosts ${request.uri_hosts.join(' ')}`,
      `DNS names ${request.dns_names.length === 0 ? 'none' : request.dns_names.join(' ')}`,
      `policies ${request.policies.join(' ')}`,
      `valid until ${toInstant(notAfter)}`,
      `certificate SHA-256 ${sha256Base64Url(certificate)}`,
      `root certificate SHA-256 ${sha256Base64Url(root.encoding)}`,
    ]),
  };
}

/**
 * Signs the revocation list of the root, for verifiers that want a list at every level of a chain. It continues the list in the
 * folder: what was revoked stays revoked, and the number rises.
 *
 * @param options.revoked PEM of certificates of issuing authorities that this root has signed
 * @returns PEM of the list, which is also in the folder, and the transcript
 * @throws CodedError `ceremony_invalid`
 */
export async function signRootList(options: {
  readonly folder: string;
  readonly revoked: readonly string[];
  readonly persons: readonly string[];
  readonly days: number;
  readonly passphrase: string;
  readonly now: number;
}): Promise<{ readonly list: string; readonly transcript: string }> {
  const { folder, revoked, days, passphrase, now } = options;
  const persons = readWitnesses(options.persons);
  if (!Number.isInteger(days) || days < 1 || days > 400) throw invalid('A list of a root is valid for 1 to 400 days.');
  const root = readX509Certificate(derOf(readFileSync(join(folder, files.certificate), 'utf8'), 'CERTIFICATE'));
  const privateKey = openKey(join(folder, files.key), passphrase);
  const path = join(folder, files.list);
  const earlier = existsSync(path)
    ? readRevocationList(derOf(readFileSync(path, 'utf8'), 'X509 CRL'), { issuer: root })
    : undefined;
  if (existsSync(path) && earlier?.number === undefined)
    throw invalid(`${resolve(path)} is not a list of this root. Restore the list that was signed last.`);
  const entries = new Map<bigint, number>();
  for (const listed of earlier?.entries.values() ?? [])
    for (const [serial, revokedAt] of listed)
      if (revokedAt !== 'removed') entries.set(BigInt(`0x${serial}`), revokedAt);
  for (const pem of revoked) {
    const serial = serialUnder(root.encoding, pem);
    if (!entries.has(serial)) entries.set(serial, now);
  }
  const number = (earlier?.number ?? 0n) + 1n;
  const nextUpdate = Math.min(now + days * dayMs, root.notAfter);
  const toBeSigned = buildTbsRevocationList({
    ...{ algorithm: 'ES384', issuer: root.subject, authorityKeyIdentifier: keyIdentifierOf(root.publicKey), number },
    ...{ thisUpdate: now, nextUpdate },
    entries: [...entries].map(([serial, revokedAt]) => ({ serial, revokedAt, reason: 'cACompromise' as const })),
  });
  const signature = sign('sha384', toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const list = assembleRevocationList(toBeSigned, { algorithm: 'ES384', signature });
  const pem = encodePem('X509 CRL', list);
  // A list that was cut short would lose what was revoked.
  writeFileSync(`${path}.new`, pem);
  renameSync(`${path}.new`, path);
  const transcript = transcriptOf(now, persons, [
    `revocation list ${number} of the root`,
    ...[...entries.keys()].map((serial) => `revoked ${serial.toString(16)}`),
    `valid until ${toInstant(nextUpdate)}`,
    `list SHA-256 ${sha256Base64Url(list)}`,
    `root certificate SHA-256 ${sha256Base64Url(root.encoding)}`,
  ]);
  writeFileSync(join(folder, `root-list-${number}-transcript.txt`), transcript);
  return { list: pem, transcript };
}

/** The serial number of a certificate that the root has signed. */
function serialUnder(root: Uint8Array, pem: string): bigint {
  try {
    const certificate = new X509Certificate(pem);
    if (certificate.verify(new X509Certificate(root).publicKey)) return BigInt(`0x${certificate.serialNumber}`);
  } catch (cause) {
    throw new CodedError({
      code: 'ceremony_invalid',
      category: 'invalid',
      detail: 'A certificate to be revoked is not PEM.',
      cause,
    });
  }
  throw invalid('A certificate to be revoked was not signed by this root.');
}

function signing(key: KeyObject, { now, years }: { readonly now: number; readonly years: number }) {
  return {
    algorithm: 'ES384' as const,
    sign: async (octets: Uint8Array) => sign('sha384', octets, { key, dsaEncoding: 'ieee-p1363' }),
    serial: BigInt(`0x40${randomBytes(15).toString('hex')}`),
    notBefore: Math.floor(now / 1_000) * 1_000,
    notAfter: Math.floor((now + years * yearMs) / 1_000) * 1_000,
  };
}

function transcriptOf(now: number, persons: readonly string[], lines: readonly string[]): string {
  return `${['countersign key ceremony', `time ${toInstant(now)}`, ...persons.map((name) => `person ${name}`), ...lines].join('\n')}\n`;
}

function openKey(path: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey({ key: readFileSync(path), format: 'pem', passphrase });
  } catch (error) {
    throw new CodedError({
      code: 'ceremony_invalid',
      category: 'invalid',
      detail: 'The root key cannot be opened. Check the folder and the passphrase.',
      cause: error,
    });
  }
}

/** RFC 7638. */
function thumbprintOf(publicKey: Uint8Array): string {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const { crv, kty, x, y } = key.export({ format: 'jwk' });
  return sha256Base64Url(new TextEncoder().encode(JSON.stringify({ crv, kty, x, y })));
}

function derOf(pem: string, label: string): Uint8Array {
  const der = decodePem(pem, label);
  if (der === undefined) throw invalid(`A file that has to be one PEM block ${label} is not.`);
  return der;
}
