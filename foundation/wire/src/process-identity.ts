import { createPublicKey, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { CodedError, errorVocabulary } from '@countersign/kernel';

/** The certificate of a process and the authority for other processes; all PEM. */
export interface ProcessIdentity {
  /** Its own certificate first, then its intermediate certificates. */
  readonly certificate: string;
  readonly key: string;
  /** The installation's own authority for processes, and no other. */
  readonly authorities: string;
}

export const wireErrors = errorVocabulary({
  /** The other process did not answer in time; the call may have been carried out. */
  peer_unavailable: 'unavailable',
  /** Too many calls are waiting for the other process. */
  peer_overloaded: 'unavailable',
  /** The certificate of a process has expired: no call is made or answered with it. */
  process_certificate_expired: 'unavailable',
  /** This process may not call the method. */
  call_not_permitted: 'forbidden',
  call_unknown: 'not-found',
  call_too_large: 'too-large',
  answer_malformed: 'unavailable',
});

const prefix = 'urn:countersign:process:';

/** Name that a certificate gives a process: the one URI among its subject alternative names. */
export function processUri(name: string): string {
  return `${prefix}${name}`;
}

/**
 * The process named by a certificate; undefined when it names none or several. The handshake verifies the certificate.
 */
export function processNamedBy(certificate: X509Certificate): string | undefined {
  // A name with a comma or quotes is written as a JSON string (Node.js), and is none of ours.
  const uris = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const [uri = ''] = uris;
  if (uris.length !== 1 || !uri.startsWith(`URI:${prefix}`)) return undefined;
  const name = uri.slice('URI:'.length + prefix.length);
  return /^[a-z][a-z0-9-]{0,62}$/.test(name) ? name : undefined;
}

interface OtherEnd {
  readonly name: string | undefined;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

const named = new WeakMap<object, OtherEnd>();

function otherEnd(socket: unknown): OtherEnd | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  let end = named.get(socket);
  if (end === undefined) {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    end = { name: certificate && processNamedBy(certificate), endsAt: Date.parse(certificate?.validTo ?? '') };
    named.set(socket, end);
  }
  return end;
}

/**
 * The process at the other end of a connection with a verified certificate; undefined otherwise, and once the certificate has
 * expired, also on open connections.
 */
export function processAt(socket: unknown): string | undefined {
  const end = otherEnd(socket);
  return end !== undefined && Date.now() <= end.endsAt ? end.name : undefined;
}

/** Whether the certificate at the other end was accepted and has expired since. */
export function hasEnded(socket: unknown): boolean {
  const end = otherEnd(socket);
  return end?.name !== undefined && Date.now() > end.endsAt;
}

/** When the certificate of a process ends, in milliseconds since the epoch. */
export function endOf({ certificate }: Pick<ProcessIdentity, 'certificate'>): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

/** @param whose e.g. `the core process` */
export function expired(whose: string): CodedError {
  return wireErrors.error(
    'process_certificate_expired',
    `The certificate of ${whose} has ended; nothing was released. Make a new one with countersign processes renew, and copy process.pem and process.key to its machine.`,
  );
}

/**
 * Checks that the certificate of the other end names the expected process, whatever its host name: host names move between
 * machines and prove no identity.
 */
export function requireProcess(
  name: string,
): (host: string, certificate: { readonly raw: Buffer }) => Error | undefined {
  return (_host, { raw }) => {
    const found = processNamedBy(new X509Certificate(raw));
    if (found === name) return undefined;
    return new Error(`the certificate is of ${found ?? 'no process'} and not of ${name}`);
  };
}

/**
 * @returns the name in a process's own certificate
 * @throws CodedError `configuration_invalid` where certificate and key do not belong together, or name no process
 */
export function ownName({ certificate, key }: ProcessIdentity): string {
  try {
    const own = new X509Certificate(certificate);
    const name = processNamedBy(own);
    if (name !== undefined && own.publicKey.equals(createPublicKey(key))) return name;
  } catch {
    // An unreadable certificate is reported below, without its text.
  }
  throw new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: `process.certificate and process.key must be PEM, belong to each other, and name the process by one URI: ${prefix}<group>.`,
  });
}
