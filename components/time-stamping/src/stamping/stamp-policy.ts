import type { EvidenceRecord, RecordType } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';

/** Which steps of transactions are stamped as they happen. All others are covered by the next checkpoint. */
export interface StampPolicy {
  /** Types of intent whose transactions are stamped when they are opened; `*` stands for any. */
  readonly opened: readonly string[];
  /** States: a step that leads into one of them is stamped; `*` stands for any. */
  readonly into: readonly string[];
}

/** The types of record that a policy can speak of. */
export const stampedTypes = ['transaction.opened', 'transaction.transitioned'] as const satisfies readonly RecordType[];

/**
 * Whether a record is to be stamped by itself: by the configuration, or because a policy that permitted the step asks for
 * it (`@time_stamp`).
 */
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
