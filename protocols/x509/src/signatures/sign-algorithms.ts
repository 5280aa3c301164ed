import { contextConstructed, derElement, derInteger, derNull, derObjectIdentifier, derSequence } from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { encodeHashAlgorithmWithNull } from './algorithms.ts';
import { ecdsaSignatureToDer } from './ecdsa-signature.ts';

/** Algorithms that an authority can sign with, by their JOSE names (RFC 7518, RFC 8037). */
export type SigningAlgorithm = 'ES256' | 'ES384' | 'EdDSA' | 'RS256' | 'PS256';

/** AlgorithmIdentifier of a signature (RFC 5758, RFC 8410, RFC 4055). */
export function encodeSignatureAlgorithm(algorithm: SigningAlgorithm): Uint8Array {
  switch (algorithm) {
    case 'ES256':
      return derSequence(derObjectIdentifier(oid.ecdsaWithSha256));
    case 'ES384':
      return derSequence(derObjectIdentifier(oid.ecdsaWithSha384));
    case 'EdDSA':
      return derSequence(derObjectIdentifier(oid.ed25519));
    case 'RS256':
      return derSequence(derObjectIdentifier(oid.sha256WithRsa), derNull());
    case 'PS256':
      return derSequence(
        derObjectIdentifier(oid.rsassaPss),
        derSequence(
          derElement(contextConstructed(0), encodeHashAlgorithmWithNull('sha256')),
          derElement(
            contextConstructed(1),
            derSequence(derObjectIdentifier(oid.mgf1), encodeHashAlgorithmWithNull('sha256')),
          ),
          derElement(contextConstructed(2), derInteger(32)),
        ),
      );
  }
}

/** Content of the signature's BIT STRING. @param signature in JOSE form (RFC 7518 section 3) */
export function encodeSignatureValue(algorithm: SigningAlgorithm, signature: Uint8Array): Uint8Array {
  if (algorithm === 'ES256') return ecdsaSignatureToDer(signature, 32);
  return algorithm === 'ES384' ? ecdsaSignatureToDer(signature, 48) : signature;
}
