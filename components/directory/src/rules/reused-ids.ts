import type { ChangeSet } from '../changes.ts';
import { type EntityKind, type Entry, entryKey, type Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';
import { findRetiredIds } from '../retired-ids-store.ts';
import type { Session } from '../store.ts';

/** Records and grants name holders by these ids, so an id is never reused, not even for the same human. */
const givenOnce: ReadonlySet<EntityKind> = new Set(['person', 'service', 'agent', 'device', 'client', 'account']);
/** Entities of these kinds keep their identity when they return; the institution that had the id may use it again. */
const keptByInstitution: ReadonlySet<EntityKind> = new Set(['contract', 'resource']);

/** An id never passes to another holder: not after its holder was removed, and not by a change of institution. */
export async function checkReusedIds(
  session: Session,
  { written }: ChangeSet,
  before: Graph,
  problems: Problems,
): Promise<void> {
  const report = (entry: Entry, detail: string) =>
    problems.place(entry.path).at('id').report('id_not_reusable', `${entry.id} ${detail}`);

  for (const entry of written) {
    const owner = before.get(entryKey(entry))?.owner;
    if (owner !== undefined && owner !== entry.owner && givenOnce.has(entry.entity.kind))
      report(entry, 'belongs to another institution. An id is never transferred: use a new id.');
  }

  const joining = new Map(
    written
      .filter((entry) => givenOnce.has(entry.entity.kind) || keptByInstitution.has(entry.entity.kind))
      .filter((entry) => joins(entry, before.get(entryKey(entry))))
      .map((entry) => [entryKey(entry), entry]),
  );
  for (const { kind, id, institution } of await findRetiredIds(session, [...joining.values()])) {
    const entry = joining.get(`${kind} ${id}`);
    if (entry === undefined || (keptByInstitution.has(entry.entity.kind) && institution === entry.owner)) continue;
    report(entry, 'was removed. An id is never reused, because records name its former holder: use a new id.');
  }
}

function joins(entry: Entry, before: Entry | undefined): boolean {
  return before === undefined || (!isActive(before) && isActive(entry));
}

function isActive({ entity }: Entry): boolean {
  return entity.kind !== 'person' || entity.value.active !== false;
}

/** Entities that a change removes for good, and people who are kept as a name only. */
export function retiredBy({ removed, following }: Pick<ChangeSet, 'removed' | 'following'>): readonly Entry[] {
  return [
    ...removed.filter(({ entity }) => givenOnce.has(entity.kind) || keptByInstitution.has(entity.kind)),
    ...following.filter(({ entity }) => entity.kind === 'person'),
  ];
}
