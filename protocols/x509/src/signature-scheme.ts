export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** How something was signed, and by which kind of key. Signatures of ECDSA are DER (`Ecdsa-Sig-Value`, RFC 3279). */
export type SignatureScheme =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'ed25519' };
