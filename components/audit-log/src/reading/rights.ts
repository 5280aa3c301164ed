import type { EvidenceRecord, ProtectionKind, RecordType } from '@countersign/contracts';
import { type Json, membersOf, type TransactionId } from '@countersign/kernel';

/** What must be known of an installation to say who may read what of its evidence. */
export interface ReadingRules {
  /** LEI of the operator: its auditors answer for the whole installation. */
  readonly operator: string;
  /** Who may know of a transaction. */
  readonly partiesOf: (id: TransactionId) => Promise<readonly string[]>;
}

/** Who reads: LEI of the institution that they act for. */
export interface Reader {
  readonly institution: string;
}

/**
 * What all parties of a transaction may read of each other's part in it. How a firm decides, approves and authorises, and
 * what it was refused, is its own business.
 */
const sharedTypes: ReadonlySet<RecordType> = new Set([
  'transaction.opened',
  'transaction.transitioned',
  'envelope.issued',
  'exception.raised',
  'exception.resolved',
  'exception.overdue',
  'timestamp.obtained',
]);

/**
 * Says of each record whether a reader may see it: the operator's institution all of them, any other those of its own
 * people and of its mandates, and of the transactions that it is a party to what is shared there.
 */
export async function readable(
  records: readonly EvidenceRecord[],
  reader: Reader,
  { operator, partiesOf }: ReadingRules,
): Promise<readonly boolean[]> {
  if (reader.institution === operator) return records.map(() => true);
  const known = new Map<TransactionId, Promise<boolean>>();
  const isParty = (id: TransactionId): Promise<boolean> => {
    const asked = known.get(id) ?? partiesOf(id).then((parties) => parties.includes(reader.institution));
    known.set(id, asked);
    return asked;
  };
  const answers: boolean[] = [];
  for (const record of records) {
    const { transaction, type } = record;
    answers.push(
      isOwn(record, reader) || (transaction !== undefined && sharedTypes.has(type) && (await isParty(transaction))),
    );
  }
  return answers;
}

/** May this reader have the evidence of a transaction as one? */
export async function mayHaveTransaction(
  id: TransactionId,
  { institution }: Reader,
  { operator, partiesOf }: ReadingRules,
): Promise<boolean> {
  return institution === operator || (await partiesOf(id)).includes(institution);
}

/** May this reader, who has the scope for it, be shown this value of a record that they may see? */
export function mayBeShown(
  { kind, subject }: { readonly kind: ProtectionKind; readonly subject: string | undefined },
  record: EvidenceRecord,
  reader: Reader,
  { operator }: Pick<ReadingRules, 'operator'>,
): boolean {
  if (reader.institution === operator) return true;
  switch (kind) {
    case 'strategy':
      return subject === reader.institution;
    case 'personal':
      return record.subject?.institution === reader.institution;
    default:
      return kind satisfies never;
  }
}

function isOwn({ type, subject, actors = [], data }: EvidenceRecord, { institution }: Reader): boolean {
  if (subject?.institution === institution || actors.some((actor) => actor.institution === institution)) return true;
  return type.startsWith('mandate.') && namesParty(data, institution);
}

function namesParty(data: Json | undefined, institution: string): boolean {
  const { grantor, grantee, thirdParty } = membersOf(membersOf(data)?.['mandate']) ?? {};
  return [grantor, grantee, thirdParty].some((party) => membersOf(party)?.['lei'] === institution);
}
