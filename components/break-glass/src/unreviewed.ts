import type { AuditLog, StandingReader } from '@countersign/contracts';
import { digestOf, type IncidentId, parseId } from '@countersign/kernel';

/** A holder has an emergency that nobody has reviewed: until then no other one, even if its row is gone. */
export const unreviewedThing = (person: string): string => `unreviewed-emergency:${person}`;
export const unreviewedContent = (id: IncidentId) => ({ incident: id });

/** Whether a record says that the person has an emergency, other than `but`, that nobody has reviewed. */
export async function isRecordedUnreviewed(log: StandingReader, person: string, but?: IncidentId): Promise<boolean> {
  const thing = unreviewedThing(person);
  const digest = (await log.standings([thing])).get(thing)?.digest;
  return digest !== undefined && (but === undefined || digest !== digestOf(unreviewedContent(but)));
}

/** Which one that is; undefined where there is none, or where its record is not kept any more. */
export async function recordedUnreviewed(
  log: StandingReader & Pick<AuditLog, 'find'>,
  person: string,
): Promise<IncidentId | undefined> {
  const thing = unreviewedThing(person);
  const newest = (await log.standings([thing])).get(thing);
  if (newest?.digest === undefined) return undefined;
  const { incident } = ((await log.find(newest.record))?.record.data ?? {}) as { readonly incident?: unknown };
  return parseId('incident', incident);
}
