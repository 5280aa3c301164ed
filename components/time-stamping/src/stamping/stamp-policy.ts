import type { EvidenceRecord, RecordType } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';

/** Steps stamped individually. Other steps are covered by the next checkpoint. */
export interface StampPolicy {
  /** Types of intent; `*` for all. */
  readonly opened: readonly string[];
  /** Target states; `*` for all. */
  readonly into: readonly string[];
}

export const stampedTypes = ['transaction.opened', 'transaction.transitioned'] as const satisfies readonly RecordType[];

/** Stamped by configuration, or because a policy that permitted the step requires it (`@time_stamp`). */
export function isToBeStamped({ type, data }: EvidenceRecord, policy: StampPolicy): boolean {
  const members = membersOf(data) ?? {};
  switch (type) {
    case 'transaction.opened':
      return isNamed(policy.opened, members['intent_type']);
    case 'transaction.transitioned':
      return isNamed(policy.into, members['to']) || membersOf(members['decision'])?.['time_stamp'] === true;
    default:
      return false;
  }
}

function isNamed(names: readonly string[], name: unknown): boolean {
  return typeof name === 'string' && (names.includes('*') || names.includes(name));
}
