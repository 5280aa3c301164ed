import type { AuditAppender, RecordDraft, RecordType } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { pick } from '../machine-clients.ts';

/** As many as a batch of the log holds. */
const atOnce = 512;

/** What a log is mostly made of: none of what somebody follows. In as many kinds as there are, so that plans see them. */
const types: readonly RecordType[] = [
  'token.issued',
  'token.issued',
  'token.introspected',
  'decision.made',
  'decision.made',
  'token.exchanged',
  'token.refused',
  'authorization.pushed',
  'authorization.granted',
  'consent.given',
  'session.started',
  'transaction.opened',
  'transaction.transitioned',
];

/**
 * Appends records that nobody follows. The log is a Merkle tree: rows inserted behind its back would not be one, so it
 * grows by its own appends.
 */
export async function fillLog(log: AuditAppender, records: number): Promise<void> {
  let begun = 0;
  const append = async (): Promise<void> => {
    while (begun < records) await log.append(draft(pick(types, begun++)));
  };
  await Promise.all(Array.from({ length: atOnce }, append));
}

function draft(type: RecordType): RecordDraft {
  return {
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type,
    source: 'benchmark',
    outcome: 'permit',
    client: 'bench-filler',
  };
}
