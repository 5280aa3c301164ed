/** The properties of a public key that determine its strength, named as in Node's `KeyObject`. */
export interface KeyDescription {
  readonly asymmetricKeyType?: string | undefined;
  readonly asymmetricKeyDetails?:
    | {
        readonly namedCurve?: string | undefined;
        readonly modulusLength?: number | undefined;
        readonly publicExponent?: bigint | undefined;
      }
    | undefined;
}

const curves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/**
 * Whether a key is strong enough for certificates: P-256, P-384, P-521, Ed25519, and RSA of 2,048 to 8,192 bits with an odd
 * exponent from 3 to 32 bits (NIST SP 800-57 part 1 table 2; larger values would make verification slow). Shorter RSA, other
 * curves and DSA are too weak.
 */
export function isStrongKey({ asymmetricKeyType, asymmetricKeyDetails: details = {} }: KeyDescription): boolean {
  switch (asymmetricKeyType) {
    case 'ec':
      return curves.has(details.namedCurve);
    case 'ed25519':
      return true;
    case 'rsa':
    case 'rsa-pss': {
      const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details;
      const isOrdinary = exponent >= 3n && exponent < 2n ** 32n && exponent % 2n === 1n;
      return bits >= 2048 && bits <= 8192 && isOrdinary;
    }
    default:
      return false;
  }
}
