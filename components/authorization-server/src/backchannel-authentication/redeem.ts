import type { ClientId, StandingReader } from '@countersign/contracts';
import { defined, type GrantId, type RecordId, sha256 } from '@countersign/kernel';
import type { Confirmation } from '@countersign/oauth';
import type { GivenOnce } from '../grant-handler.ts';
import { refuse } from './refusals.ts';
import { type BackchannelStore, type KeptRequest, type RequestHolder, redemptionThing } from './store.ts';

export interface Redeemer {
  readonly client: ClientId;
  readonly confirmation: Confirmation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Allowed extends GivenOnce {
  readonly grant: GrantId;
  /** RFC 8707. */
  readonly resource?: string;
  /** The record `backchannel.requested`. */
  readonly recordId: RecordId;
}

/** CIBA Core section 7.3: seconds between two polls, and the increase after each early poll (section 11). */
export const pollIntervalSeconds = 5;
const penaltySeconds = 5;
export const longestRequestLifetimeSeconds = 600;
/** The clock of another node may be ahead of ours. */
const clockDifferenceMs = 60_000;
/** Network delays change the distance between two requests. */
const toleranceMs = 500;

/** CIBA Core section 10.1: polls for the result; an approval can be redeemed once across all nodes. */
export interface BackchannelRequests {
  /** @throws CodedError `authorization_pending`, `slow_down`, `expired_token`, `access_denied`, `invalid_grant` */
  poll(authReqId: string, by: Redeemer): Promise<Allowed>;
}

export function createBackchannelRequests(
  store: Pick<BackchannelStore, 'find' | 'poll' | 'redeem'>,
  log: StandingReader,
): BackchannelRequests {
  async function answer(hash: Buffer, by: Redeemer): Promise<Allowed> {
    const request = await store.find(hash);
    // CIBA Core section 11.
    if (request === undefined || request.client !== by.client)
      throw refuse('auth_req_id_unknown', 'The auth_req_id was not issued to this client.');
    checkHolder(request.holder, by.confirmation);
    if (request.redeemed) throw replayed();
    // A later end means that another node's clock was ahead.
    const latest = by.now + longestRequestLifetimeSeconds * 1000 + clockDifferenceMs;
    if (request.expiresAt <= by.now || request.expiresAt > latest)
      throw refuse('auth_req_id_expired', 'The auth_req_id has expired. Make a new authentication request.');
    if (request.decided === undefined) return wait(hash, by);
    return allowedBy(request, request.decided, by);
  }

  /** Returns only if a decision was made while the poll was counted. */
  async function wait(hash: Buffer, by: Redeemer): Promise<Allowed> {
    const poll = await store.poll(hash, by.now, { tolerance: toleranceMs, penaltySeconds });
    if (poll === undefined) return answer(hash, by);
    if (poll.early) throw refuse('polled_too_soon', `Wait ${poll.intervalSeconds} seconds between requests.`);
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
      grant,
      recordId: request.recordId,
      thing,
      replayed,
      ...defined({ resource }),
      async consume() {
        const isFirst = await store.redeem(request.hash, by.now);
        // Even if the row was restored to an old state, the token's record shows the redemption.
        return isFirst && !(await log.standings([thing])).has(thing) ? 'claimed' : 'replayed';
      },
    };
  }

  return {
    poll: async (authReqId, by) => {
      if (!/^[\w-]{43}$/.test(authReqId))
        throw refuse('auth_req_id_unknown', 'The auth_req_id was not issued to this client.');
      return answer(sha256(authReqId), by);
    },
  };
}

function replayed(): Error {
  return refuse('auth_req_id_redeemed', 'The auth_req_id was redeemed before.');
}

/** The client must present the same key or certificate as with its request. */
function checkHolder({ jkt, certificate }: RequestHolder, confirmation: Confirmation | undefined): void {
  const shown = confirmation ?? {};
  if (jkt !== undefined && !('jkt' in shown && shown.jkt === jkt))
    throw refuse('auth_req_id_key', 'The auth_req_id is bound to another DPoP key.');
  if (certificate !== undefined && !('x5t#S256' in shown && shown['x5t#S256'] === certificate))
    throw refuse('auth_req_id_key', 'The auth_req_id is bound to another certificate.');
}
