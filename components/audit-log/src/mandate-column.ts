import type { RecordDraft } from '@countersign/contracts';
import { type Json, type MandateId, membersOf, parseId } from '@countersign/kernel';

/** The mandate that a record of its life cycle is about. */
export function mandateOf({ type, data }: Pick<RecordDraft, 'type' | 'data'>): MandateId | undefined {
  return type.startsWith('mandate.') ? parseId('mandate', memberOf(memberOf(data, 'mandate'), 'id')) : undefined;
}

/** Mandates that a record uses, is about, or names as parent. */
export function mandatesNamedIn(record: Pick<RecordDraft, 'type' | 'data' | 'mandate'>): readonly MandateId[] {
  const parent = record.type.startsWith('mandate.')
    ? memberOf(memberOf(memberOf(record.data, 'mandate'), 'parent'), 'id')
    : undefined;
  return [mandateOf(record), parseId('mandate', record.mandate?.id), parseId('mandate', parent)].filter(
    (id) => id !== undefined,
  );
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined;
  return membersOf(value)?.[name];
}
