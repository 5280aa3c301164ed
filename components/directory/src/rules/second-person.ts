import { directoryErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, type Graph, keyOf } from '../entry.ts';

/** Why one person alone may not make this change, where they may not. */
export function refuseAlone(changeSet: ChangeSet, before: Graph): CodedError | undefined {
  const clients = productionClientsIn(changeSet, before);
  if (clients.length === 0) return undefined;
  return directoryErrors.error(
    'second_person_required',
    'This touches clients of the environment production. Propose it (POST /directory/changes, with a reason); somebody else ' +
      'then approves it (POST /directory/changes/{id}/approve, scope directory:approve).',
    { facts: { clients: clients.slice(0, 100), client_count: clients.length } },
  );
}

/**
 * Ids of the production clients that a change adds, changes or removes: before it or after it, so that nobody gets
 * round the second person by moving a client to the sandbox first. A client is what its principal is, above all the
 * artefact and the certificate of an algorithm: who changes those changes the client.
 */
function productionClientsIn(changeSet: ChangeSet, before: Graph): readonly string[] {
  const ids = new Set<string>();
  const changed = new Set(
    changeSet.written
      .filter((entry) => before.has(keyOf(entry.entity.kind, entry.id)) && !isStopped(entry))
      .map(({ id }) => id),
  );
  for (const { id, entity } of changed.size === 0 ? [] : before.values())
    if (entity.kind === 'client' && entity.value.environment === 'production' && changed.has(entity.value.principal))
      ids.add(id);
  for (const entry of changeSet.removed) if (isProduction(entry)) ids.add(entry.id);
  for (const entry of changeSet.written)
    if (isProduction(entry) || isProduction(before.get(keyOf(entry.entity.kind, entry.id)))) ids.add(entry.id);
  return [...ids].sort();
}

/** An algorithm whose certificate does not stand trades nowhere: to stop one takes one person. */
function isStopped({ entity }: Entry): boolean {
  return entity.kind === 'agent' && !['Approved', 'Registered'].includes(entity.value.model.status);
}

function isProduction(entry: Entry | undefined): boolean {
  return entry?.entity.kind === 'client' && entry.entity.value.environment === 'production';
}
