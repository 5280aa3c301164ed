import { encodeSignature, type NewSignature } from '../certificates/build-certificate.ts';
import { encodeExtension, keyOctetsOf, type NewExtension } from '../certificates/build-extensions.ts';
import {
  contextConstructed,
  contextPrimitive,
  derElement,
  derEnumerated,
  derObjectIdentifier,
  derOctetString,
  derSequence,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { hashOf } from '../signatures/verify-signature.ts';
import { derWholeSeconds } from './build-revocation-list.ts';
import { type RevocationReason, revocationReasons } from './revocation-reasons.ts';
import type { CertificateId } from './status-request.ts';

/** CertStatus (RFC 6960 section 4.2.1). `good` only for a certificate that was issued. */
export type CertificateStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'revoked'; readonly at: number; readonly reason?: RevocationReason };

export interface NewStatusResponse {
  /** SubjectPublicKeyInfo of the responder. The response names the responder by the hash of this key. */
  readonly responderKey: Uint8Array;
  /** Milliseconds since the epoch, as are all times; the response has whole seconds. */
  readonly producedAt: number;
  readonly responses: readonly NewSingleResponse[];
  /** The nonce of the request. */
  readonly nonce?: Uint8Array;
}

export interface NewSingleResponse {
  readonly certificateId: Pick<CertificateId, 'encoding'>;
  readonly status: CertificateStatus;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  /** The status is known for certificates that expired after this time (RFC 6960 section 4.4.4). */
  readonly archiveCutoff?: number;
}

/** The octets of an OCSP response that its responder signs: ResponseData (RFC 6960 section 4.2.1). */
export function buildStatusResponseData(response: NewStatusResponse): Uint8Array {
  const { responderKey, producedAt, responses, nonce } = response;
  return derSequence(
    // The standard names the key by SHA-1, which is no signature over it.
    derElement(contextConstructed(2), derOctetString(hashOf('sha1', keyOctetsOf(responderKey)))),
    derWholeSeconds(producedAt),
    derSequence(...responses.map(encodeSingleResponse)),
    ...(nonce === undefined
      ? []
      : [encodeExtensions({ id: oid.ocspNonce, critical: false, value: derOctetString(nonce) })]),
  );
}

/**
 * DER of a successful OCSP response.
 *
 * @param responseData from `buildStatusResponseData`
 * @param certificates DER of the responder's certificate, unless the issuer itself responds
 */
export function assembleStatusResponse(
  responseData: Uint8Array,
  signature: NewSignature,
  certificates: readonly Uint8Array[],
): Uint8Array {
  const basic = derSequence(
    responseData,
    ...encodeSignature(signature),
    ...(certificates.length === 0 ? [] : [derElement(contextConstructed(0), derSequence(...certificates))]),
  );
  return derSequence(
    derEnumerated(0),
    derElement(contextConstructed(0), derSequence(derObjectIdentifier(oid.ocspBasic), derOctetString(basic))),
  );
}

/** OCSPResponseStatus of answers without a status. `unauthorized`: the responder does not answer for this issuer. */
const failures = { malformedRequest: 1, internalError: 2, tryLater: 3, sigRequired: 5, unauthorized: 6 } as const;
export type StatusResponseFailure = keyof typeof failures;

/** DER of an unsigned OCSP response that has no status (RFC 6960 section 2.3). */
export function encodeStatusFailure(failure: StatusResponseFailure): Uint8Array {
  return derSequence(derEnumerated(failures[failure]));
}

function encodeSingleResponse(response: NewSingleResponse): Uint8Array {
  const { certificateId, status, thisUpdate, nextUpdate, archiveCutoff } = response;
  return derSequence(
    certificateId.encoding,
    encodeStatus(status),
    derWholeSeconds(thisUpdate),
    ...(nextUpdate === undefined ? [] : [derElement(contextConstructed(0), derWholeSeconds(nextUpdate))]),
    ...(archiveCutoff === undefined
      ? []
      : [encodeExtensions({ id: oid.ocspArchiveCutoff, critical: false, value: derWholeSeconds(archiveCutoff) })]),
  );
}

function encodeStatus(status: CertificateStatus): Uint8Array {
  switch (status.kind) {
    case 'good':
      return derElement(contextPrimitive(0));
    case 'unknown':
      return derElement(contextPrimitive(2));
    case 'revoked': {
      const { at, reason } = status;
      const code =
        reason === undefined ? [] : [derElement(contextConstructed(0), derEnumerated(revocationReasons[reason]))];
      return derElement(contextConstructed(1), derWholeSeconds(at), ...code);
    }
  }
}

const encodeExtensions = (...extensions: readonly NewExtension[]): Uint8Array =>
  derElement(contextConstructed(1), derSequence(...extensions.map(encodeExtension)));
