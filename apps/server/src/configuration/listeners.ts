import { createSecureContext } from 'node:tls';
import { CodedError } from '@countersign/kernel';
import { type HttpTls, readSecret } from '@countersign/runtime';
import type { Configuration } from './configuration.ts';

/** The zone that records name for a listener without a configured zone. */
export const mainZone = 'main';
export const mutualTlsZone = 'mutual-tls';

/** An address on which the process listens, and its base URL for clients. */
export interface Listener {
  readonly name: 'HTTP' | 'mutual TLS';
  /** The base URL that proofs and requests of clients name; the issuer for the main listener. */
  readonly baseUrl: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: HttpTls;
  /** The operator's name of the network that the listener serves. Records of its requests contain it. */
  readonly zone: string;
}

/**
 * The main listener, and the mutual TLS listener if configured.
 *
 * @throws CodedError `secret_unavailable` if a file cannot be read, `configuration_invalid` if its content is invalid
 */
export function listenersOf({ issuer, listen, mutualTls }: Configuration): readonly Listener[] {
  const main: Listener = {
    name: 'HTTP',
    baseUrl: issuer,
    host: listen.host,
    port: listen.port,
    zone: listen.zone ?? mainZone,
    ...(listen.tls === undefined ? {} : { tls: readIdentity(listen.tls, 'listen.tls') }),
  };
  if (mutualTls === undefined) return [main];
  const { baseUrl, clientAuthorities, proxies = [] } = mutualTls;
  const authorities = clientAuthorities === undefined ? {} : { authorities: readSecret(clientAuthorities) };
  const tls = { ...readIdentity(mutualTls, 'mutualTls'), clientCertificates: { ...authorities, proxies } };
  const zone = mutualTls.listen.zone ?? mutualTlsZone;
  return [main, { name: 'mutual TLS', baseUrl, ...mutualTls.listen, zone, tls }];
}

function readIdentity(
  references: { readonly certificate: string; readonly key: string },
  setting: string,
): Pick<HttpTls, 'certificate' | 'key'> {
  const identity = { certificate: readSecret(references.certificate), key: readSecret(references.key) };
  try {
    createSecureContext({ cert: identity.certificate, key: identity.key });
  } catch (cause) {
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: `${setting}: certificate and key must be PEM, unencrypted, and belong to each other.`,
      cause,
    });
  }
  return identity;
}
