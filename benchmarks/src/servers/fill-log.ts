import type { AuditAppender, RecordDraft, RecordType } from '@countersign/contracts';
import { newId, parseId, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
import { pick } from '../machine-clients.ts';

/** The size of a batch of the log. */
const atOnce = 512;

/** The most frequent types of a log, none of which is followed by a component. */
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

/** Appends records that no component follows. Inserted rows would not be part of the Merkle tree. */
export async function fillLog(log: AuditAppender, records: number): Promise<void> {
  await repeatedly(records, (place) => log.append(draft(pick(types, place))));
}

/** Appends two records for each of these transactions: the opening, and a step that refers to it. */
export async function fillLogWithTransactions(
  log: AuditAppender,
  numbers: { readonly from: number; readonly to: number },
): Promise<void> {
  await repeatedly(numbers.to - numbers.from + 1, async (place) => {
    const transaction = transactionOf(numbers.from + place);
    const opened = draft('transaction.opened', { transaction });
    await log.append(opened);
    await log.append(draft('transaction.transitioned', { transaction, references: [opened.id] }));
  });
}

async function repeatedly(times: number, append: (place: number) => Promise<unknown>): Promise<void> {
  let started = 0;
  const caller = async (): Promise<void> => {
    while (started < times) await append(started++);
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
}

function transactionOf(number: number): TransactionId {
  const id = parseId('transaction', `txn_${String(number).padStart(26, '0')}`);
  if (id === undefined) throw new Error('a transaction without an id');
  return id;
}

function draft(type: RecordType, about: Pick<RecordDraft, 'transaction' | 'references'> = {}): RecordDraft {
  return {
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type,
    source: 'benchmark',
    outcome: 'permit',
    client: 'bench-filler',
    ...about,
  };
}
