import type { EvidenceRecord, ProtectionKind, RecordType } from '@countersign/contracts';
import { type Json, membersOf, type TransactionId } from '@countersign/kernel';

export interface ReadingRules {
  /** LEI of the operator, whose auditors see everything. */
  readonly operator: string;
  /** LEIs of the institutions that may know of a transaction. */
  readonly partiesOf: (id: TransactionId) => Promise<readonly string[]>;
}

/** LEI. */
export interface Reader {
  readonly institution: string;
}

/** What the parties of a transaction may read of each other. Decisions, approvals and refusals stay with their firm. */
const sharedTypes: ReadonlySet<RecordType> = new Set([
  'transaction.opened',
  'transaction.transitioned',
  'envelope.issued',
  'exception.raised',
  'exception.resolved',
  'exception.overdue',
  'timestamp.obtained',
]);

/** The operator reads everything; others what concerns their people, mandates and transactions. */
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

export async function mayHaveTransaction(
  id: TransactionId,
  { institution }: Reader,
  { operator, partiesOf }: ReadingRules,
): Promise<boolean> {
  return institution === operator || (await partiesOf(id)).includes(institution);
}

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
