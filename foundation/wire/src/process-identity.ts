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

const named = new WeakMap<object, string | 'nobody'>();

/** The process at the other end of a connection whose certificate the handshake has accepted; undefined for any other. */
export function processAt(socket: unknown): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  let name = named.get(socket);
  if (name === undefined) {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    name = (certificate && processNamedBy(certificate)) ?? 'nobody';
    named.set(socket, name);
  }
  return name === 'nobody' ? undefined : name;
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
