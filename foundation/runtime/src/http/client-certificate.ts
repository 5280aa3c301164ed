import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Clock, sha256Base64Url } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';
import { createChainVerifier, hasStrongKey, isWithin, type Validity, validityOf } from './certificate-chain.ts';
import { clientCertificateErrors, readForwardedCertificate } from './client-cert-header.ts';

/** Whose word about client certificates counts. */
export interface ClientCertificateTrust {
  /** PEM of the authorities whose certificates are accepted as `chainVerified`; nobody's when left out. */
  readonly authorities?: string;
  /**
   * Proxies that end TLS for us and pass the client's certificate on (RFC 9440): SHA-256 over the DER of their own
   * certificate, base64url. A renewed certificate is another one and has to be named here first.
   */
  readonly proxies?: readonly string[];
  /** Whether a connection is of a process of ours that passes requests on, with what it has found of the chain. */
  readonly passesOn?: (socket: Socket) => boolean;
}

/** The shape of `PresentedCertificate` in the contracts. */
export interface ClientCertificate {
  readonly der: Uint8Array;
  /** Whether it chains up to a configured authority and is in date. A self-signed one does not. */
  readonly chainVerified: boolean;
  /** Those that came along and may lead to an authority, in DER; nothing is believed of them. None when left out. */
  readonly others?: readonly Uint8Array[];
}

/** In which a process of ours says, beside the client's certificate, whether it chains up to a configured authority. */
export const chainVerifiedHeader = 'x-countersign-chain-verified';

const presented = new WeakMap<FastifyRequest['raw'], ClientCertificate>();

/**
 * The certificate that the client of this request has shown: in the handshake, or to a proxy that has authenticated
 * itself to us as one of those configured. Undefined where it has shown none.
 */
export function presentedCertificateOf(request: FastifyRequest): ClientCertificate | undefined {
  return presented.get(request.raw);
}

// Beside RFC 9440: what proxies and clouds call the same thing, in spellings that some servers read as one.
const speaksOfCertificates =
  /client[-_]?cert|^(?:x[-_])?(?:ssl|tls|mtls|amzn[-_]mtls)[-_](?:client|cert)|^x[-_]amzn[-_]mtls/i;

/**
 * Looks at the connection and the headers of a request before anything else does.
 *
 * A header that speaks of a client certificate is how one client passes for another wherever it is believed from any
 * peer, so it is refused from everybody but a pinned proxy, and not ignored: a proxy that is set up wrongly should
 * be noticed at its first request.
 *
 * @throws CodedError of {@link clientCertificateErrors}, from the function returned
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
    // The proxy's own certificate says who the proxy is; it is never a client's.
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
  /** What OpenSSL said of the chain in the handshake, name constraints and all; false where a key on it is weak. */
  readonly authorized: boolean;
  readonly others: readonly Uint8Array[];
}

/** Certificates beside a client's own that are looked at. */
const mostOthers = 5;

function describePeer(certificate: X509Certificate, authorized: boolean): Peer {
  const der = certificate.raw;
  const others: Uint8Array[] = [];
  // OpenSSL takes RSA of 1,024 bits and small curves in a handshake.
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
  /** One of any kind is there. */
  readonly any: boolean;
  /** One that RFC 9440 does not define is there. */
  readonly foreign: boolean;
  readonly certificate: readonly string[];
  readonly chain: readonly string[];
}

/** From the raw list: Node joins doubled headers, which would hide that there were two. */
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
    'The request holds a header about a client certificate and does not come from a proxy that is known here. Show the certificate in the TLS handshake of the mutual-TLS address.',
  );
}
