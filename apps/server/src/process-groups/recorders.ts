import { type RecordDraft, recordFaults } from '@countersign/contracts';
import { componentsOf, type ProcessGroup, processGroups } from './groups.ts';

/** Components whose code runs in a process of another group as well: edge verifies partners' keys and sign-ins itself. */
const alsoRunning: Readonly<Partial<Record<ProcessGroup, readonly string[]>>> = { edge: ['federation-gateway'] };

/** What every process records in the same words: of its own keys, of the calls that it refuses. */
const ofEveryProcess: readonly string[] = ['access.refused', 'key.published', 'key.withdrawn'];

/**
 * Whether a process may have this recorded. Components act on records by their source: a process that could record as another group's
 * component would have that one carry out what it never decided.
 *
 * @param process as its certificate names it
 */
export function mayRecord(process: string, draft: RecordDraft): boolean {
  const group = processGroups.find((name) => name === process);
  if (group === undefined) return false;
  const { source, type } = draft;
  if (componentsOf(group).includes(source) || alsoRunning[group]?.includes(source) === true) return true;
  // Copies of what another group keeps find that a row and the log differ. Nothing but what the schema has goes with these.
  const shared =
    type === 'standing.contradicted' || (source === 'authorization-server' && ofEveryProcess.includes(type));
  return shared && recordFaults(draft).length === 0;
}
