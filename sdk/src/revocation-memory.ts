import { type Clock, errorVocabulary, isCodedError, isRecent } from '@countersign/kernel';
import {
  clockLeadSeconds,
  type RevocableClaims,
  type RevocationKind,
  revokedBy,
  type VerifiedRevocationList,
  verifyRevocationList,
} from '@countersign/oauth';
import type { IssuerKeys } from './issuer-keys.ts';
import type { Transport } from './transport.ts';

export const revocationMemoryErrors = errorVocabulary({
  /** No list of revocations that is new enough can be had: nobody can tell what still stands. */
  revocations_unavailable: 'unavailable',
});

/** A list is asked for anew after so long: what was revoked before that is refused from then on. */
const refreshEveryMs = 1_000;
/** After a failure the issuer is left alone for so long. */
const retryPauseMs = 500;

/** What the control plane has ended before its time, as an enforcement point knows it. */
export interface RevocationMemory {
  /**
   * What ended a token with these claims; undefined while it stands.
   *
   * @throws CodedError `revocations_unavailable` when the newest list that can be had is older than the bound
   */
  endedBy(claims: RevocableClaims): Promise<RevocationKind | undefined>;
}

/** A list from further ahead than clocks may differ says nothing of its age: our clock was set back since. */
function liesAhead({ issuedAt }: VerifiedRevocationList, now: number): boolean {
  return issuedAt > now + clockLeadSeconds * 1000;
}

function isAtLeastAsNew(one: VerifiedRevocationList, other: VerifiedRevocationList, now: number): boolean {
  return one.version >= other.version && (one.issuedAt >= other.issuedAt || liesAhead(other, now));
}

/** @param options.boundMs how old the list may be, in milliseconds, when no newer one can be had */
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
      (error) => isCodedError(error, 'revocation_list_key_unknown'),
    );
    // By its age as the issuer signed it: an old list that somebody sends again makes nothing young. By its version, too:
    // a node that lags behind signs a new list in which something that has ended is not named yet.
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
    // Within the bound a list that is a little old is good; beyond it, nobody knows what still stands.
    if (list !== undefined && isWithinBound(list, clock.now())) return list;
    throw revocationMemoryErrors.error(
      'revocations_unavailable',
      'What has been revoked cannot be asked for at the moment; nothing is let in until it can.',
      { cause: failure },
    );
  }

  return {
    async endedBy(claims) {
      return revokedBy((await ensureFresh()).revoked, claims);
    },
  };
}
