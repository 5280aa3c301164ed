import type { AuditAppender, RecordDraft, RecordType } from '@countersign/contracts';
import { newId, parseId, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
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
  await repeatedly(records, (place) => log.append(draft(pick(types, place))));
}

/** Appends what begins and what carries on each of these transactions, which are numbered; one refers to the other. */
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
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun < times) await append(begun++);
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
