/** What can be used once. Part of the key, so that an id of one kind never shadows another's. */
type SingleUsePurpose = 'client-assertion' | 'dpop-proof' | 'authorization-grant';

export interface SingleUseClaim {
  readonly purpose: SingleUsePurpose;
  /** Who made the id: uniqueness is promised per issuer (RFC 7519 section 4.1.7). */
  readonly issuer: string;
  readonly id: string;
  /**
   * Milliseconds since the epoch after which the thing itself is refused as expired, so the claim may be forgotten. It follows
   * from the thing alone (its `exp` or `iat`), never from the moment of the claim: what comes again has the same end.
   */
  readonly expiresAt: number;
}

export interface SingleUse {
  /**
   * Atomically takes an id that nobody has taken: of any number of callers on any number of nodes exactly one
   * gets `claimed`. Call it after the signature has been checked, never before (a forger could burn ids).
   *
   * @throws CodedError `database_unavailable`; `clock_stepped_back` where a clock was set back and nobody can tell whether the
   *   id was taken before. In both cases nothing may be released.
   */
  claim(claim: SingleUseClaim): Promise<'claimed' | 'replayed'>;
}
