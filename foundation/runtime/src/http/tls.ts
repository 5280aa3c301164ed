import { constants } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import type { ClientCertificateTrust } from './client-certificate.ts';

/** TLS of a listener of our own. Without it, a listener speaks plain HTTP. */
export interface HttpTls {
  /** PEM: the server's certificate first, then what leads to its authority. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** The listener for mutual TLS asks every client for a certificate; who comes without one is served as well. */
  readonly clientCertificates?: ClientCertificateTrust;
  /** PEM: nobody is let in whom these authorities do not vouch for. */
  readonly onlyVouchedForBy?: string;
}

/** RFC 9325 section 4.2 (BCP 195) for TLS 1.2, as FAPI 2.0 Security Profile section 5.2.2 asks; all of TLS 1.3. */
const cipherSuites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
];

/** What Node is told about a listener with TLS. */
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
    // A resumed session would bring the answer of an earlier check of the certificate; a renegotiated one would
    // change the certificate under a connection that has been looked at.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    ...(onlyVouchedForBy === undefined
      ? {}
      : { requestCert: true, rejectUnauthorized: true, ca: onlyVouchedForBy, minVersion: 'TLSv1.3' as const }),
    ...(trust === undefined
      ? {}
      : {
          requestCert: true,
          // Whether a certificate that chains up to nobody is of use is the client's registration to say (RFC 8705
          // section 2.2), so the handshake does not decide it.
          rejectUnauthorized: false,
          // An empty list trusts nobody; left out, it would be every authority of the public web.
          ca: trust.authorities === undefined ? [] : [trust.authorities],
        }),
  };
}
