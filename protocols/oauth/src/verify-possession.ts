import type { Confirmation } from './access-token.ts';
import { type CertificateThumbprint, certificateThumbprint, isInDate, readCertificate } from './certificate.ts';
import { type NonceCheck, type VerifiedProof, verifyProof } from './dpop.ts';
import { accessTokenErrors, proofErrors } from './errors.ts';
import type { KeyCache, Thumbprint } from './key-cache.ts';

/** Independent of the HTTP framework. */
export interface ResourceRequest {
  readonly method: string;
  /** Configured base plus path, never from a Host header. */
  readonly url: string;
  /** Every value of the header. */
  readonly authorization: readonly string[];
  /** Every value of the header. */
  readonly dpop: readonly string[];
  /** Of this connection, or forwarded by our own authenticated proxy. Never from a header alone. */
  readonly certificate?: { readonly der: Uint8Array };
}

export interface PossessionExpectations {
  readonly proofKeys: KeyCache;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** For a resource that issues nonces (RFC 9449 section 9). */
  readonly nonce?: NonceCheck;
}

/** Unverified. */
export interface PresentedToken {
  readonly scheme: 'DPoP' | 'Bearer';
  readonly accessToken: string;
}

const authorizationPattern = /^(DPoP|Bearer) +([A-Za-z0-9_.-]+)$/i;

/** @throws CodedError `token_missing`, `token_scheme` */
export function readPresentedToken(authorization: readonly string[]): PresentedToken {
  const [value, another] = authorization;
  if (value === undefined)
    throw accessTokenErrors.error(
      'token_missing',
      'The request must carry an access token in its Authorization header.',
    );
  if (another !== undefined)
    throw accessTokenErrors.error('token_scheme', 'The request must carry exactly one Authorization header.');
  const [, scheme, accessToken] = authorizationPattern.exec(value) ?? [];
  if (scheme === undefined || accessToken === undefined)
    throw accessTokenErrors.error(
      'token_scheme',
      'The Authorization header must be the scheme DPoP, or Bearer for a token bound to a certificate, and one token.',
    );
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', accessToken };
}

/**
 * Checks possession alone, for a binding known from introspection. @param confirmation absent only for a token that may
 * be unbound @returns the proof, for a token bound to a key @throws CodedError `token_scheme`,
 * `token_certificate_missing`, `token_certificate_binding`, `token_certificate_expired`, and of {@link proofErrors}
 */
export async function verifyPossession(
  presented: PresentedToken,
  confirmation: Confirmation | undefined,
  request: ResourceRequest,
  expected: PossessionExpectations,
): Promise<VerifiedProof | undefined> {
  if (confirmation !== undefined && 'jkt' in confirmation) {
    requireScheme('DPoP', presented);
    return verifyBoundProof(presented.accessToken, confirmation.jkt, request, expected);
  }
  requireScheme('Bearer', presented);
  if (confirmation !== undefined) checkCertificate(confirmation['x5t#S256'], request.certificate?.der, expected.now);
  return undefined;
}

/** RFC 9449 section 7.2: a key-bound token sent as Bearer is a downgrade. RFC 8705 uses only Bearer. */
function requireScheme(scheme: PresentedToken['scheme'], presented: PresentedToken): void {
  if (presented.scheme !== scheme)
    throw accessTokenErrors.error('token_scheme', `This access token must be presented with the scheme ${scheme}.`);
}

async function verifyBoundProof(
  accessToken: string,
  jkt: Thumbprint,
  request: ResourceRequest,
  { proofKeys, now, nonce }: PossessionExpectations,
): Promise<VerifiedProof> {
  const proof = await verifyProof(request.dpop, {
    method: request.method,
    url: request.url,
    keys: proofKeys,
    now,
    accessToken,
    ...(nonce === undefined ? {} : { nonce }),
  });
  if (proof.jkt !== jkt)
    throw proofErrors.error(
      'proof_binding',
      'The DPoP proof is signed with another key than the one the access token is bound to.',
    );
  return proof;
}

/** Bound to the certificate, not its key (RFC 8705 section 6.3). */
function checkCertificate(bound: CertificateThumbprint, der: Uint8Array | undefined, now: number): void {
  if (der === undefined)
    throw accessTokenErrors.error(
      'token_certificate_missing',
      'The access token is bound to a certificate, which must be shown on the connection that it comes by.',
    );
  const shown = certificateThumbprint(der);
  if (shown !== bound)
    throw accessTokenErrors.error(
      'token_certificate_binding',
      'The access token is bound to another certificate than the one shown on this connection.',
    );
  if (!isInDate(readCertificate(der, shown), now))
    throw accessTokenErrors.error(
      'token_certificate_expired',
      'The certificate that the access token is bound to is not in date.',
    );
}
