import { constants } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import type { ClientCertificateTrust } from './client-certificate.ts';

/** TLS of our own listener. Without it, the listener uses plain HTTP. */
export interface HttpTls {
  /** PEM: the server's certificate first, then its intermediate certificates. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** The listener for mutual TLS requests a certificate from every client; clients without one are still served. */
  readonly clientCertificates?: ClientCertificateTrust;
  /** PEM: only clients with a certificate of these authorities may connect. */
  readonly onlyVouchedForBy?: string;
}

/**
 * RFC 9325 section 4.2 (BCP 195) for TLS 1.2, as FAPI 2.0 Security Profile section 5.2.2 requires; all cipher suites of TLS 1.3.
 */
const cipherSuites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
];

/** Node's options for a listener with TLS. */
export function tlsOptions(tls: HttpTls): ServerOptions {
  const { clientCertificates: trust, onlyVouchedForBy } = tls;
  return {
    cert: tls.certificate,
    key: tls.key,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: cipherSuites.join(':'),
    honorCipherOrder: true,
    handshakeTimeout: 5_000,
    // A resumed session would reuse the result of an earlier certificate check. A renegotiation could change the certificate
    // after it was checked.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    ...(onlyVouchedForBy === undefined
      ? {}
      : { requestCert: true, rejectUnauthorized: true, ca: onlyVouchedForBy, minVersion: 'TLSv1.3' as const }),
    ...(trust === undefined
      ? {}
      : {
          requestCert: true,
          // The client's registration decides whether a certificate without a trusted chain is sufficient (RFC 8705 section 2.2),
          // so the handshake must accept it.
          rejectUnauthorized: false,
          // An empty list trusts no authority; leaving it out would trust every public one.
          ca: trust.authorities === undefined ? [] : [trust.authorities],
        }),
  };
}
