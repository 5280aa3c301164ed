/** What an issuer says of one of its certificates. Milliseconds since the epoch. */
export interface RevocationStatement {
  /** How things stood then. */
  readonly from: number;
  /** When the issuer promised to say more. */
  readonly until?: number;
  readonly revokedAt?: number;
}
