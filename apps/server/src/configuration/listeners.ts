import { createSecureContext } from 'node:tls';
import { CodedError } from '@countersign/kernel';
import { type HttpTls, readSecret } from '@countersign/runtime';
import type { Configuration } from './configuration.ts';

/** What records call the network of a listener that the operator has given no name. */
export const mainZone = 'main';
export const mutualTlsZone = 'mutual-tls';

/** One address that we listen on, and what clients call it. */
export interface Listener {
  readonly name: 'HTTP' | 'mutual TLS';
  /** What the proofs and requests of its clients name; the issuer for the main one. */
  readonly baseUrl: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: HttpTls;
  /** What the operator calls the network that it is for: it goes into the records of what is asked there. */
  readonly zone: string;
}

/**
 * The main listener, and the one for mutual TLS where it is configured.
 *
 * @throws CodedError `secret_unavailable` for a file that cannot be read, `configuration_invalid` for one that is not
 *   what it should be
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
