/** An X.509-SVID with its key and the roots that verify its peers. */
export interface Svid {
  readonly spiffeId: string;
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
  /** DER. */
  readonly roots: readonly Uint8Array[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly serial: string;
  readonly level: string;
  /** Record of the attestation. */
  readonly attestation: string;
}

export interface JwtSvid {
  readonly spiffeId: string;
  readonly token: string;
}

/** The current state of a workload. `ended`: it is refused, and must not use its former certificate. */
export type SvidState =
  | { readonly is: 'waiting' }
  | { readonly is: 'ready'; readonly svid: Svid }
  | { readonly is: 'ended'; readonly code: string; readonly detail: string };

export const trustDomainOf = (spiffeId: string): string => spiffeId.split('/', 3).join('/');
