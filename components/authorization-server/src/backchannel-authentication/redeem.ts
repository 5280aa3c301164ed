import type { ClientId, StandingReader } from '@countersign/contracts';
import { type GrantId, type RecordId, sha256 } from '@countersign/kernel';
import type { Confirmation } from '@countersign/oauth';
import type { GivenOnce } from '../grant-handler.ts';
import { refuse } from './refusals.ts';
import { type BackchannelStore, type KeptRequest, type RequestHolder, redemptionThing } from './store.ts';

/** The client that polls. */
export interface Redeemer {
  readonly client: ClientId;
  /** What the token will be bound to. */
  readonly confirmation: Confirmation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What was allowed, to be taken once. */
export interface Allowed extends GivenOnce {
  readonly grant: GrantId;
  /** The interface that was asked for (RFC 8707). */
  readonly resource?: string;
  /** The record `backchannel.requested`. */
  readonly recordId: RecordId;
}

/** CIBA Core section 7.3: seconds that a client waits between two polls, and what each impatience adds (section 11). */
export const pollIntervalSeconds = 5;
const penaltySeconds = 5;
/** How long a person has at most. */
export const longestRequestLifetimeSeconds = 600;
/** The clock of another node may be this far ahead of ours. */
const clockDifferenceMs = 60_000;
/** Requests do not arrive at the distance at which they were sent. */
const toleranceMs = 500;

/** CIBA Core section 10.1: polls the answer; one that allows is taken once, on all nodes. */
export interface BackchannelRequests {
  /**
   * @throws CodedError `authorization_pending`, `slow_down`, `expired_token`, `access_denied`; `invalid_grant` when it was
   *   taken before, or is not of this client or not for this key
   */
  poll(authReqId: string, by: Redeemer): Promise<Allowed>;
}

export function createBackchannelRequests(
  store: Pick<BackchannelStore, 'find' | 'poll' | 'redeem'>,
  log: StandingReader,
): BackchannelRequests {
  async function answer(hash: Buffer, by: Redeemer): Promise<Allowed> {
    const request = await store.find(hash);
    // CIBA Core section 11: of another client it is refused as one that never was.
    if (request === undefined || request.client !== by.client)
      throw refuse('auth_req_id_unknown', 'The auth_req_id is not one that this client was given.');
    checkHolder(request.holder, by.confirmation);
    if (request.redeemed) throw replayed();
    // One that ends later than a request of now could was made while the clock was ahead.
    const latest = by.now + longestRequestLifetimeSeconds * 1000 + clockDifferenceMs;
    if (request.expiresAt <= by.now || request.expiresAt > latest)
      throw refuse('auth_req_id_expired', 'The auth_req_id has expired: make a new authentication request.');
    if (request.decided === undefined) return wait(hash, by);
    return allowedBy(request, request.decided, by);
  }

  /** Never returns but for a decision that was made while the poll was counted. */
  async function wait(hash: Buffer, by: Redeemer): Promise<Allowed> {
    const poll = await store.poll(hash, by.now, { tolerance: toleranceMs, penaltySeconds });
    if (poll === undefined) return answer(hash, by);
    if (poll.early)
      throw refuse('polled_too_soon', `Wait ${poll.intervalSeconds} seconds from one request to the next from now on.`);
    throw refuse('not_decided_yet', 'The person has not decided yet.');
  }

  function allowedBy(
    request: KeptRequest,
    { outcome, grant }: NonNullable<KeptRequest['decided']>,
    by: Redeemer,
  ): Allowed {
    if (outcome === 'denied' || grant === undefined) throw refuse('consent_denied', 'The person refused.');
    const thing = redemptionThing(request.recordId);
    const { resource } = request.asked;
    return {
      ...{ grant, recordId: request.recordId, thing, replayed },
      ...(resource === undefined ? {} : { resource }),
      async take() {
        const isFirst = await store.redeem(request.hash, by.now);
        // A row that was put back as it was before is known by the record of the token.
        return isFirst && !(await log.standings([thing])).has(thing) ? 'claimed' : 'replayed';
      },
    };
  }

  return {
    poll: async (authReqId, by) => {
      if (!/^[\w-]{43}$/.test(authReqId))
        throw refuse('auth_req_id_unknown', 'The auth_req_id is not one that this client was given.');
      return answer(sha256(authReqId), by);
    },
  };
}

function replayed(): Error {
  return refuse('auth_req_id_redeemed', 'The auth_req_id was redeemed before.');
}

/** The client must show the same key or certificate as with its request. */
function checkHolder({ jkt, certificate }: RequestHolder, confirmation: Confirmation | undefined): void {
  const shown = confirmation ?? {};
  if (jkt !== undefined && !('jkt' in shown && shown.jkt === jkt))
    throw refuse('auth_req_id_key', 'The auth_req_id is bound to another DPoP key than that of the proof.');
  if (certificate !== undefined && !('x5t#S256' in shown && shown['x5t#S256'] === certificate))
    throw refuse('auth_req_id_key', 'The auth_req_id is bound to another certificate than that of the connection.');
}
