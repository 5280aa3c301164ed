/** Part of the key, so that ids of different kinds never collide. */
type SingleUsePurpose = 'client-assertion' | 'dpop-proof' | 'authorization-grant';

export interface SingleUseClaim {
  readonly purpose: SingleUsePurpose;
  /** The issuer of the id; ids are unique only per issuer (RFC 7519 section 4.1.7). */
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
   * Atomically claims an unused id. Of any number of concurrent callers on any number of nodes, exactly one gets `claimed`. Call
   * it only after the signature is verified, because otherwise a forger could use up ids.
   *
   * @throws CodedError `database_unavailable`; `clock_stepped_back` when a clock was set back, so that earlier use cannot be
   * determined. In both cases the caller must release nothing.
   */
  claim(claim: SingleUseClaim): Promise<'claimed' | 'replayed'>;
}
