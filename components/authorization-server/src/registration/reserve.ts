import type { Actor } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { change, type RegistrationDirectory } from './judge.ts';
import { refuse } from './refusals.ts';
import type { createRegistrationStore, InstitutionUnit, RegistrationRow } from './store.ts';

/** Longer than any registration takes. */
const abandonedAfterMs = 60_000;

/** @throws CodedError of `oauthErrors` */
export type Reserve = (row: Omit<RegistrationRow, 'directoryVersion'>, maxClients: number, by: Actor) => Promise<void>;

/** A reservation precedes the client, so that the next registration removes what an interrupted one has left. */
export function createReservations(dependencies: {
  readonly store: ReturnType<typeof createRegistrationStore>;
  readonly directory: RegistrationDirectory;
  readonly clock: Clock;
}): Reserve {
  const { store, directory, clock } = dependencies;
  return (row, maxClients, by) =>
    store.underInstitution(row.institution, async (unit) => {
      const current = await currentRows(unit, { directory, now: clock.now(), by });
      if (current.some((each) => each.directoryVersion === undefined && each.principal === row.principal))
        throw refuse(
          'principal_shared',
          'Another client is being registered for this principal, which can have one only.',
        );
      if (current.length >= maxClients)
        throw refuse(
          'registration_limit',
          `Your institution may have ${maxClients} registered clients. Remove one first.`,
        );
      await unit.insert(row);
    });
}

/** Removes abandoned registrations. */
async function currentRows(
  unit: InstitutionUnit,
  { directory, now, by }: { readonly directory: RegistrationDirectory; readonly now: number; readonly by: Actor },
): Promise<readonly RegistrationRow[]> {
  const rows = await unit.rows();
  const newest = Math.max(0, ...rows.map(({ directoryVersion }) => directoryVersion ?? 0));
  const snapshot = await directory.snapshotAtLeast(newest);
  const current: RegistrationRow[] = [];
  for (const row of rows) {
    const abandoned = row.directoryVersion === undefined && now - row.issuedAt > abandonedAfterMs;
    // Removing a missing client changes nothing.
    if (abandoned) await change({ remove: [{ kind: 'client', id: row.clientId }] }, by, directory);
    const gone = row.directoryVersion !== undefined && snapshot.client(row.clientId) === undefined;
    if (abandoned || gone) await unit.remove(row.clientId);
    else current.push(row);
  }
  return current;
}
