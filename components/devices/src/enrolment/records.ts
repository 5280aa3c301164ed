import type { RecordDraft } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';

/** Something that wanted to become a device was not believed. */
export function enrolmentRefused(
  id: RecordId,
  reason: 'device_enrolled' | 'device_proof_wrong',
  device: string,
): RecordDraft {
  return {
    ...{ id, type: 'device.refused', source: 'devices', outcome: 'deny', reason, device },
    data: { at: 'enrolment', by: 'key', device },
  };
}
