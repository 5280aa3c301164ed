import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Clock, sha256Base64Url } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';
import { createChainVerifier, hasStrongKey, isWithin, type Validity, validityOf } from './certificate-chain.ts';
import { clientCertificateErrors, readForwardedCertificate } from './client-cert-header.ts';

export interface ClientCertificateTrust {
  /** PEM of the authorities for `chainVerified`; none when left out. */
  readonly authorities?: string;
  /**
   * Proxies that end TLS for us and forward the client's certificate (RFC 9440): SHA-256 over the DER of their own certificate,
   * base64url. Add a proxy's new certificate here before renewing it.
   */
  readonly proxies?: readonly string[];
  /**
   * Whether a connection comes from one of our own processes, which forwards requests with the result of its chain verification.
   */
  readonly passesOn?: (socket: Socket) => boolean;
}

/** Same shape as `PresentedCertificate` in the contracts. */
export interface ClientCertificate {
  readonly der: Uint8Array;
  /** Whether it chains up to a configured authority and is within its validity. False for a self-signed certificate. */
  readonly chainVerified: boolean;
  /** Unverified certificates that the client sent and that may lead to an authority, in DER. None when left out. */
  readonly others?: readonly Uint8Array[];
}

/** Header in which one of our processes forwards whether the client's certificate chains up to a configured authority. */
export const chainVerifiedHeader = 'x-countersign-chain-verified';

const presented = new WeakMap<FastifyRequest['raw'], ClientCertificate>();

/**
 * The client certificate of a request: from the handshake, or forwarded by an authenticated, configured proxy. Undefined when
 * there is none.
 */
export function presentedCertificateOf(request: FastifyRequest): ClientCertificate | undefined {
  return presented.get(request.raw);
}

// Other names of proxies and clouds for the headers of RFC 9440, including spellings that some servers treat as equal.
const speaksOfCertificates =
  /client[-_]?cert|^(?:x[-_])?(?:ssl|tls|mtls|amzn[-_]mtls)[-_](?:client|cert)|^x[-_]amzn[-_]mtls/i;

/**
 * Reads connection and certificate headers before any other processing of a request.
 * A server that accepts certificate headers from any peer lets one client impersonate another. They are therefore refused from
 * every peer but a pinned proxy. They are not ignored, so that a wrongly configured proxy is noticed at its first request.
 *
 * @throws CodedError of {@link clientCertificateErrors}, from the returned function
 */
export function createCertificateReader(options: {
  readonly trust: ClientCertificateTrust | undefined;
  readonly clock: Clock;
}): (request: FastifyRequest) => void {
  const { trust, clock } = options;
  const proxies = new Set(trust?.proxies);
  const verifyChain = createChainVerifier(trust?.authorities);
  const peers = new WeakMap<TLSSocket, Peer | 'none'>();

  function peerOf(socket: TLSSocket): Peer | undefined {
    let peer = peers.get(socket);
    if (peer === undefined) {
      const certificate = socket.getPeerX509Certificate();
      peer = certificate === undefined ? 'none' : describePeer(certificate, socket.authorized);
      peers.set(socket, peer);
    }
    return peer === 'none' ? undefined : peer;
  }

  return (request) => {
    const headers = certificateHeaders(request.raw.rawHeaders);
    const { socket } = request.raw;
    const peer = trust !== undefined && socket instanceof TLSSocket ? peerOf(socket) : undefined;
    const inDate = peer !== undefined && isWithin(peer.validity, clock.now());
    const isOurs = inDate && trust?.passesOn?.(socket) === true;
    if (peer === undefined || !inDate || !(isOurs || proxies.has(peer.thumbprint))) {
      if (headers.any) throw untrusted();
      if (peer !== undefined) {
        const { der, others } = peer;
        presented.set(request.raw, { der, chainVerified: peer.authorized && inDate, others });
      }
      return;
    }
    // The proxy's own certificate identifies the proxy and is never a client's.
    if (headers.foreign) throw untrusted();
    const forwarded = readForwardedCertificate(headers.certificate, headers.chain);
    if (forwarded !== undefined)
      presented.set(request.raw, {
        der: forwarded.der,
        chainVerified: isOurs
          ? request.headers[chainVerifiedHeader] === 'yes'
          : verifyChain(forwarded.der, forwarded.chain, clock.now()),
        others: forwarded.chain,
      });
  };
}

interface Peer {
  readonly validity: Validity;
  readonly der: Uint8Array;
  readonly thumbprint: string;
  /** OpenSSL's result for the chain in the handshake, including name constraints; false when a key of the chain is weak. */
  readonly authorized: boolean;
  readonly others: readonly Uint8Array[];
}

/** Maximum number of certificates read in addition to the client's own. */
const mostOthers = 5;

function describePeer(certificate: X509Certificate, authorized: boolean): Peer {
  const der = certificate.raw;
  const others: Uint8Array[] = [];
  // In a handshake OpenSSL accepts RSA of 1,024 bits and small curves.
  let strong = hasStrongKey(certificate);
  for (let above = certificate.issuerCertificate; above !== undefined; above = above.issuerCertificate) {
    const { raw } = above;
    if (others.length === mostOthers || raw.equals(others.at(-1) ?? der)) break;
    others.push(raw);
    strong &&= hasStrongKey(above);
  }
  return {
    validity: validityOf(certificate),
    der,
    thumbprint: sha256Base64Url(der),
    authorized: authorized && strong,
    others,
  };
}

interface CertificateHeaders {
  /** A header of any of these names is present. */
  readonly any: boolean;
  /** A header that RFC 9440 does not define is present. */
  readonly foreign: boolean;
  readonly certificate: readonly string[];
  readonly chain: readonly string[];
}

/** Reads the raw list, because Node joins repeated headers and so hides the repetition. */
function certificateHeaders(raw: readonly string[]): CertificateHeaders {
  const certificate: string[] = [];
  const chain: string[] = [];
  let foreign = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!speaksOfCertificates.test(name)) continue;
    const value = raw[index + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'client-cert') certificate.push(value);
    else if (lower === 'client-cert-chain') chain.push(value);
    else foreign = true;
  }
  return { any: foreign || certificate.length + chain.length > 0, foreign, certificate, chain };
}

function untrusted(): Error {
  return clientCertificateErrors.error(
    'client_certificate_header_untrusted',
    'The request has a client-certificate header but does not come from a configured proxy. Present the certificate in the TLS handshake at the mutual TLS address.',
  );
}
