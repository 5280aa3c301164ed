import { type RecordDraft, recordFaults } from '@countersign/contracts';
import { componentsOf, type ProcessGroup, processGroups } from './groups.ts';

/** Components whose code also runs in a process of another group: edge itself verifies partners' keys and sign-ins. */
const alsoRunning: Readonly<Partial<Record<ProcessGroup, readonly string[]>>> = { edge: ['federation-gateway'] };

/** Record types that every process writes: about its own keys, and about calls that it refuses. */
const ofEveryProcess: readonly string[] = ['access.refused', 'key.published', 'key.withdrawn'];

/**
 * Whether a process may append this record. Components act on records by their source, so a process that could use another
 * group's source could make that group act on a decision it never made.
 *
 * @param process as its certificate names it
 */
export function mayRecord(process: string, draft: RecordDraft): boolean {
  const group = processGroups.find((name) => name === process);
  if (group === undefined) return false;
  const { source, type } = draft;
  if (componentsOf(group).includes(source) || alsoRunning[group]?.includes(source) === true) return true;
  // Record types for a difference between a row and the log, which replicas of other groups' data also detect. They contain only
  // schema-defined fields.
  const shared = type === 'row.rejected' || (source === 'authorization-server' && ofEveryProcess.includes(type));
  return shared && recordFaults(draft).length === 0;
}
