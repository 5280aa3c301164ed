/** Part of the key, so that ids of different kinds never collide. */
type SingleUsePurpose = 'client-assertion' | 'dpop-proof' | 'authorization-grant';

export interface SingleUseClaim {
  readonly purpose: SingleUsePurpose;
  /** Who made the id: uniqueness is promised per issuer (RFC 7519 section 4.1.7). */
  readonly issuer: string;
  readonly id: string;
  /**
   * Milliseconds since the epoch after which the value is refused as expired, so the claim may be deleted. Derived from the
   * value alone (its `exp` or `iat`), never from the time of the claim, so that a replay has the same end.
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
