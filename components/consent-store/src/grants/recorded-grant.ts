import { type RecordedKind, thingOf } from '@countersign/commands';
import type { Claim, Grant } from '@countersign/contracts';
import type { Clock, GrantId, Json } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail } from '@countersign/market';
import { headOf, lockHead, putEnded, putVersion } from './store.ts';

export type GrantKind = RecordedKind<GrantId, Grant>;

const kind = 'grant';

/** The content of a row, compared with its newest record (docs/adr/0043). */
export function grantClaim(grant: Grant): Claim {
  return { of: thingOf({ kind }, grant.id), content: contentOf(grant) };
}

export function createGrantKind(clock: Clock): GrantKind {
  return {
    kind,
    find: headOf,
    lock: lockHead,
    recordOf: ({ recordId }) => recordId,
    content: contentOf,
    carried: openPartOf,
    stateOf: (carried, _id, data) => grantOf(carried, data),
    put: (session, grant) =>
      grant.status === 'revoked' ? putEnded(session, grant, clock.now()) : putVersion(session, grant, clock.now()),
  };
}

/** The proven content: everything of an active grant, only the status of a revoked one. */
function contentOf(grant: Grant): Json {
  const { id, version, status, recordId } = grant;
  return status === 'revoked' ? { id, version, status, recordId } : jsonOf(grant);
}

/** Everything but the details, which are restricted values of the record; see `protectedDetails`. */
function openPartOf({ details: _, applicationDetails: __, ...open }: Grant): Json {
  return jsonOf(open);
}

/** @param data of `consent.given` or `grant.changed`; `grant.revoked` has no terms */
function grantOf(carried: Json, data: Json): Grant {
  // A record of our own, whose digest agrees with the newest in the log.
  const { details = [], application_details: others } = data as unknown as RecordedDetails;
  return {
    // A record of our own, whose digest agrees with the newest in the log.
    ...(carried as unknown as Omit<Grant, 'details' | 'applicationDetails'>),
    details: details.map(({ detail }) => detail),
    ...(others === undefined ? {} : { applicationDetails: others.map(({ detail }) => detail) }),
  };
}

/** As written by `protectedDetails`; absent after erasure. */
interface RecordedDetails {
  readonly details?: readonly { readonly detail: AuthorizationDetail }[];
  readonly application_details?: readonly { readonly detail: ApplicationDetail }[];
}

function jsonOf(grant: Partial<Grant>): Json {
  return JSON.parse(JSON.stringify(grant));
}
