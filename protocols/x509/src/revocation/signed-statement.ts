import { type AlgorithmIdentifier, signatureSchemeOf } from '../algorithms.ts';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { verifySignature } from '../crypto.ts';

/** @throws CodedError `algorithm_unsupported` */
export function isSignedBy(
  { publicKey }: ParsedCertificate,
  statement: {
    readonly toBeSigned: Uint8Array;
    readonly algorithm: AlgorithmIdentifier;
    readonly signature: Uint8Array;
  },
): boolean {
  const scheme = signatureSchemeOf(statement.algorithm);
  return verifySignature(publicKey, scheme, statement.toBeSigned, statement.signature);
}
