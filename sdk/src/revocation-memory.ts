import { type Clock, errorVocabulary, isRecent } from '@countersign/kernel';
import {
  clockLeadSeconds,
  type RevocableClaims,
  type RevocationKind,
  revocationListErrors,
  revokedBy,
  type VerifiedRevocationList,
  verifyRevocationList,
} from '@countersign/oauth';
import type { IssuerKeys } from './issuer-keys.ts';
import type { Transport } from './transport.ts';

export const revocationMemoryErrors = errorVocabulary({
  /** No recent list is available, so no token is accepted. */
  revocations_unavailable: 'unavailable',
});

/** Bounds the delay until a revocation takes effect. */
const refreshEveryMs = 1_000;
const retryPauseMs = 500;

export interface RevocationMemory {
  /**
   * Undefined if the token was not revoked. @throws CodedError `revocations_unavailable` if the newest list is too old
   */
  endedBy(claims: RevocableClaims): Promise<RevocationKind | undefined>;
}

/** A list dated too far ahead has no known age: the local clock was set back. */
function liesAhead({ issuedAt }: VerifiedRevocationList, now: number): boolean {
  return issuedAt > now + clockLeadSeconds * 1000;
}

function isAtLeastAsNew(one: VerifiedRevocationList, other: VerifiedRevocationList, now: number): boolean {
  return one.version >= other.version && (one.issuedAt >= other.issuedAt || liesAhead(other, now));
}

/** @param options.boundMs maximum age of the list, in milliseconds */
export function createRevocationMemory(options: {
  readonly issuer: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly keys: IssuerKeys;
  readonly boundMs: number;
}): RevocationMemory {
  const { issuer, transport, clock, keys, boundMs } = options;
  let list: VerifiedRevocationList | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    const startedAt = clock.now();
    const { status, body } = await transport.send({
      method: 'GET',
      url: `${issuer}/revocations`,
      headers: { accept: 'application/revocation-list+jwt' },
    });
    if (status !== 200 || typeof body !== 'string')
      throw revocationMemoryErrors.error('revocations_unavailable', `The list was answered with status ${status}.`);
    const read = await keys.with(
      (keyOf) => verifyRevocationList(body, { issuer, keyOf, now: clock.now() }),
      (error) => revocationListErrors.is(error, 'revocation_list_key_unknown'),
    );
    // A replayed old list is never new, and a node that lags behind may sign a list that lacks a recent revocation.
    if (list === undefined || list.expiresAt <= clock.now() || isAtLeastAsNew(read, list, clock.now())) list = read;
    askedAt = startedAt;
  }

  function isWithinBound(kept: VerifiedRevocationList, at: number): boolean {
    return !liesAhead(kept, at) && at - kept.issuedAt <= boundMs && at < kept.expiresAt;
  }

  function refresh(): Promise<void> {
    asking ??= ask()
      .catch((error: unknown) => {
        failedAt = clock.now();
        throw error;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  async function ensureFresh(): Promise<VerifiedRevocationList> {
    const now = clock.now();
    let failure: unknown;
    if (!isRecent(askedAt, refreshEveryMs, now) && !isRecent(failedAt, retryPauseMs, now))
      await refresh().catch((error: unknown) => {
        failure = error;
      });
    // Within the bound an older list is acceptable.
    if (list !== undefined && isWithinBound(list, clock.now())) return list;
    throw revocationMemoryErrors.error(
      'revocations_unavailable',
      'The revocation list is not available at the moment, so all tokens are rejected until it is.',
      { cause: failure },
    );
  }

  return {
    async endedBy(claims) {
      return revokedBy((await ensureFresh()).revoked, claims);
    },
  };
}
