import type { AuditLog } from '@countersign/contracts';
import { type Clock, isRecent, type RecordId, type TransactionId } from '@countersign/kernel';
import { type Audience, leisOfMandate } from './projection.ts';

export interface AudienceDependencies {
  readonly log: Pick<AuditLog, 'find'>;
  /** Waits for a step in progress, whose record is in the log before its parties are stored. */
  readonly partiesOf: (id: TransactionId) => Promise<readonly string[]>;
  readonly clock: Clock;
}

export interface Addressed {
  readonly index: bigint;
  readonly audience: Audience;
}

interface Known {
  readonly asOf: bigint;
  readonly askedAt: number;
  readonly parties: Promise<readonly string[]>;
}

const atOnce = 8;
const maxKept = 50_000;
/** A new party may also receive earlier events. */
const noHoldsMs = 2_000;

export type Audiences = ReturnType<typeof createAudiences>;

/** Parties are only ever added, so a positive answer is final; a negative one is cached briefly. */
export function createAudiences({ log, partiesOf, clock }: AudienceDependencies) {
  const transactions = new Map<TransactionId, Known>();
  const mandates = new Map<RecordId, Promise<readonly string[]>>();

  function partiesAsOf(id: TransactionId, index: bigint): Promise<readonly string[]> {
    const parties = partiesOf(id);
    const known = { asOf: index, askedAt: clock.now(), parties };
    keep(transactions, id, known);
    // A failed query is not cached.
    parties.catch(() => transactions.get(id) === known && transactions.delete(id));
    return parties;
  }

  async function isParty(institution: string, id: TransactionId, index: bigint): Promise<boolean> {
    for (let known = transactions.get(id); known !== undefined; ) {
      const party = (await known.parties).includes(institution);
      if (party || (known.asOf >= index && isRecent(known.askedAt, noHoldsMs, clock.now()))) return party;
      const newer = transactions.get(id);
      known = newer === known ? undefined : newer;
    }
    return (await partiesAsOf(id, index)).includes(institution);
  }

  function partiesBefore(record: RecordId): Promise<readonly string[]> {
    const known = mandates.get(record);
    if (known !== undefined) return known;
    const parties = log.find(record).then((entry) => (entry === undefined ? [] : leisOfMandate(entry.record.data)));
    keep(mandates, record, parties);
    parties.catch(() => mandates.delete(record));
    return parties;
  }

  async function mayHear(institution: string, { audience, index }: Addressed, newest: Newest): Promise<boolean> {
    switch (audience.of) {
      case 'transaction':
        return isParty(institution, audience.id, newest.get(audience.id) ?? index);
      case 'institutions':
        return (
          audience.leis.includes(institution) ||
          (audience.before !== undefined && (await partiesBefore(audience.before)).includes(institution))
        );
      default:
        return audience satisfies never;
    }
  }

  return {
    /** @returns for each event whether `institution` may receive it */
    async receivableBy(institution: string, addressed: readonly Addressed[]): Promise<readonly boolean[]> {
      const newest: Newest = new Map(
        addressed.flatMap(({ index, audience }) => (audience.of === 'transaction' ? [[audience.id, index]] : [])),
      );
      const answers: boolean[] = [];
      let next = 0;
      async function answerInTurn(): Promise<void> {
        for (let at = next++; at < addressed.length; at = next++) {
          const one = addressed[at];
          if (one !== undefined) answers[at] = await mayHear(institution, one, newest);
        }
      }
      await Promise.all(Array.from({ length: atOnce }, answerInTurn));
      return answers;
    },
  };
}

type Newest = ReadonlyMap<TransactionId, bigint>;

function keep<Key, Value>(memory: Map<Key, Value>, key: Key, value: Value): void {
  memory.delete(key);
  const [oldest] = memory.keys();
  if (memory.size >= maxKept && oldest !== undefined) memory.delete(oldest);
  memory.set(key, value);
}
