import type { RecordedKind } from '@countersign/commands';
import type { TrustProfile } from '@countersign/contracts';
import { type Clock, plainJson, sha256Base64Url } from '@countersign/kernel';
import { lockNewest, newestOf, putVersion } from './store.ts';

// The content of a profile in records; rows are compared with it (docs/adr/0043, 0057).

/** A hash, because an address may be longer than the name of a thing in the log. */
export const issuerKey = (issuer: string): string => sha256Base64Url(issuer);

/** All of it decides outcomes. */
export type ProfileState = Omit<TrustProfile, 'recordId'>;
type ProfileKind = RecordedKind<string, ProfileState, TrustProfile>;

/** One profile for each issuer. Its versions are kept; the newest is the row. */
export function createProfileKind(clock: Clock): ProfileKind {
  return {
    kind: 'trust-profile',
    find: newestOf,
    lock: lockNewest,
    recordOf: ({ recordId }) => recordId,
    content: (profile) => plainJson(stateOf(profile)),
    // A record of our own, whose digest agrees with the newest in the log.
    stateOf: (carried) => carried as unknown as ProfileState,
    put: (session, state, { record }) => putVersion(session, { ...stateOf(state), recordId: record }, clock.now()),
  };
}

/** Without the record of the row. */
export function stateOf(profile: ProfileState | TrustProfile): ProfileState {
  if (!('recordId' in profile)) return profile;
  const { recordId: _, ...state } = profile;
  return state;
}
