import type { Actor } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { change, type RegistrationDirectory } from './judge.ts';
import { refuse } from './refusals.ts';
import type { createRegistrationStore, InstitutionUnit, RegistrationRow } from './store.ts';

/** Longer than any registration takes: an older reservation was abandoned by a node that stopped. */
const abandonedAfterMs = 60_000;

/** Reserves a place for one more client of an institution. @throws CodedError of `oauthErrors` */
export type Reserve = (row: Omit<RegistrationRow, 'directoryVersion'>, maxClients: number, by: Actor) => Promise<void>;

/**
 * The registration is recorded here before the directory is asked to create the client. If a node stops in between, no
 * unmanageable client remains: the next registration of the institution removes it.
 */
export function createReservations({
  store,
  directory,
  clock,
}: {
  readonly store: ReturnType<typeof createRegistrationStore>;
  readonly directory: RegistrationDirectory;
  readonly clock: Clock;
}): Reserve {
  return (row, maxClients, by) =>
    store.underInstitution(row.institution, async (unit) => {
      const standing = await standingRows(unit, { directory, now: clock.now(), by });
      if (
        standing.some(
          ({ directoryVersion, principal }) => directoryVersion === undefined && principal === row.principal,
        )
      )
        throw refuse('principal_shared', 'Another client is being registered for this principal: it has one holder.');
      if (standing.length >= maxClients)
        throw refuse('registration_limit', `Your institution may have ${maxClients} registered clients: remove one.`);
      await unit.insert(row);
    });
}

/** The current registrations, after the abandoned ones have been removed. */
async function standingRows(
  unit: InstitutionUnit,
  { directory, now, by }: { readonly directory: RegistrationDirectory; readonly now: number; readonly by: Actor },
): Promise<readonly RegistrationRow[]> {
  const rows = await unit.rows();
  const newest = Math.max(0, ...rows.map(({ directoryVersion }) => directoryVersion ?? 0));
  const snapshot = await directory.snapshotAtLeast(newest);
  const standing: RegistrationRow[] = [];
  for (const row of rows) {
    const abandoned = row.directoryVersion === undefined && now - row.issuedAt > abandonedAfterMs;
    // Safe whether or not the client reached the directory: removing a missing client changes nothing.
    if (abandoned) await change({ remove: [{ kind: 'client', id: row.clientId }] }, by, directory);
    const gone = row.directoryVersion !== undefined && snapshot.client(row.clientId) === undefined;
    if (abandoned || gone) await unit.remove(row.clientId);
    else standing.push(row);
  }
  return standing;
}
