import { createPublicKey, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { CodedError, errorVocabulary } from '@countersign/kernel';

/** What one process shows another, and by whom others are vouched for; all PEM. */
export interface ProcessIdentity {
  /** Its own certificate first, then what leads to its authority. */
  readonly certificate: string;
  readonly key: string;
  /** The installation's own authority for processes, and no other. */
  readonly authorities: string;
}

export const wireErrors = errorVocabulary({
  /** The other process does not answer, or not in time: what was asked of it may have been done. */
  peer_unavailable: 'unavailable',
  /** More waits for the other process than may wait. */
  peer_overloaded: 'unavailable',
  /** A certificate of a process is past its end: no call is made or answered under it. */
  process_certificate_expired: 'unavailable',
  /** The table does not let this process call that. */
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
 * Which process a certificate is of; undefined where it names none, or more than one. That it is vouched for is for the handshake to
 * say.
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
 * The process at the other end of a connection whose certificate the handshake has accepted; undefined for any other, and from the
 * end of the certificate on: a connection that stays open does not make it last longer.
 */
export function processAt(socket: unknown): string | undefined {
  const end = otherEnd(socket);
  return end !== undefined && Date.now() <= end.endsAt ? end.name : undefined;
}

/** Whether the certificate at the other end was accepted, and has come to its end since. */
export function hasEnded(socket: unknown): boolean {
  const end = otherEnd(socket);
  return end?.name !== undefined && Date.now() > end.endsAt;
}

/** When the certificate of a process ends, in milliseconds since the epoch. */
export function endOf({ certificate }: Pick<ProcessIdentity, 'certificate'>): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

/** What to do is the same wherever it is found. @param whose as `the core process` */
export function expired(whose: string): CodedError {
  return wireErrors.error(
    'process_certificate_expired',
    `The certificate of ${whose} has ended; nothing was released. Make a new one with countersign processes renew, and copy process.pem and process.key to its machine.`,
  );
}

/**
 * The certificate of the other end must be of the process that is asked for, whatever host it is on: names of hosts move, and whoever may
 * be reached under one is not thereby who may answer.
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
    // What cannot be read is told below, without its text.
  }
  throw new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: `process.certificate and process.key must be PEM, belong to each other, and name the process by one URI: ${prefix}<group>.`,
  });
}
