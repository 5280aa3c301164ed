import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';

/** As many as a batch of the log holds. */
const atOnce = 512;

/**
 * Appends records that nobody follows. The log is a Merkle tree: rows inserted behind its back would not be one, so it
 * grows by its own appends.
 */
export async function fillLog(log: AuditAppender, records: number): Promise<void> {
  let begun = 0;
  const append = async (): Promise<void> => {
    while (begun++ < records) await log.append(draft());
  };
  await Promise.all(Array.from({ length: atOnce }, append));
}

function draft(): RecordDraft {
  return {
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type: 'decision.made',
    source: 'benchmark',
    outcome: 'permit',
    client: 'bench-filler',
  };
}
