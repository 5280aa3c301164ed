import type { Actor } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { change, type RegistrationDirectory } from './judge.ts';
import { refuse } from './refusals.ts';
import type { createRegistrationStore, InstitutionUnit, RegistrationRow } from './store.ts';

/** Longer than any registration takes: whatever has been on the way for so long was left by a node that stopped. */
const abandonedAfterMs = 60_000;

/** Makes room for one more client of an institution, and takes it. @throws CodedError of `oauthErrors` */
export type Reserve = (row: Omit<RegistrationRow, 'directoryVersion'>, maxClients: number, by: Actor) => Promise<void>;

/**
 * A registration is on record here before the directory is asked for the client. So a node that stops on the way leaves
 * no client that nobody can manage: the next registration of the institution takes it back.
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

/** The registrations that count, after those have gone that do not. */
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
    // Whether it got as far as the directory or not: removing what is not there changes nothing.
    if (abandoned) await change({ remove: [{ kind: 'client', id: row.clientId }] }, by, directory);
    const gone = row.directoryVersion !== undefined && snapshot.client(row.clientId) === undefined;
    if (abandoned || gone) await unit.remove(row.clientId);
    else standing.push(row);
  }
  return standing;
}
