import type { Json } from '@countersign/kernel';
import { type Members, memberOf } from './json-members.ts';

/** What stands for a member of a decision that cannot be read. */
const inTheirPlace: Readonly<Record<string, Json>> = { errors: [], input: null, reasons: [] };

/**
 * A decision with something in the place of what is kept beside its record and is not there: it was erased, or belongs to
 * another region.
 *
 * @param decision with what could be read in its place
 * @param commitments the member `protected` of its record
 * @returns with the names of what is not there
 */
export function withoutUnread(
  decision: Members,
  commitments: unknown,
): { readonly decision: Members; readonly unread: readonly string[] } {
  const unread = Object.keys(inTheirPlace).filter(
    (name) => decision[name] === undefined && memberOf(commitments, `/data/decision/${name}`) !== undefined,
  );
  return { decision: { ...decision, ...Object.fromEntries(unread.map((name) => [name, inTheirPlace[name]])) }, unread };
}
