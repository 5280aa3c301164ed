import type { EvidenceQuery, EvidenceRecord } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';

/** Whether a record matches all conditions of a query. For doubles of the log. */
export function isFoundBy(query: Omit<EvidenceQuery, 'after' | 'limit'>, record: EvidenceRecord): boolean {
  const { transaction, person, agent, client, mandate, partner, institution, decision, types, from, until } = query;
  const acting = [...(record.subject === undefined ? [] : [record.subject]), ...(record.actors ?? [])];
  const principals = new Set([...acting.map(({ id }) => id), record.device]);
  const at = parseInstant(record.time) ?? 0;
  return (
    (transaction === undefined || record.transaction === transaction) &&
    (types === undefined || types.includes(record.type)) &&
    [person, agent].every((id) => id === undefined || principals.has(id)) &&
    (institution === undefined || acting.some((one) => one.institution === institution)) &&
    (client === undefined || record.client === client) &&
    (mandate === undefined || record.mandate?.id === mandate) &&
    (partner === undefined || record.partner === partner) &&
    (decision === undefined || record.id === decision || (record.references?.includes(decision) ?? false)) &&
    at >= (from ?? at) &&
    at < (until ?? at + 1)
  );
}
