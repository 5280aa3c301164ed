import type { AuditLog, EvidenceRecord, PersonSignal, PrincipalId } from '@countersign/contracts';
import { type Clock, membersOf, parseInstant } from '@countersign/kernel';
import type { SignalStore, StoredSignal } from './signal-store.ts';

export const longestSignalMs = 366 * 86_400_000;

const types = ['risk.raised', 'risk.cleared'] as const;
const pageSize = 1_000;
const clockDifferenceMs = 86_400_000;

/** Signals from the audit log alone, so changing rows adds or removes none. */
export function createRecordedSignals(
  log: Pick<AuditLog, 'search' | 'scan' | 'newest'>,
  clock: Clock,
): Pick<SignalStore, 'after'> {
  let isOpen = false;

  /** Nothing before this place can still be active. */
  async function firstPlace(): Promise<bigint> {
    const newest = await log.newest(types);
    const from = clock.now() - longestSignalMs - clockDifferenceMs;
    const [first] = await log.scan({ types, from, limit: 1 });
    return first === undefined ? newest : first.index - 1n;
  }

  return {
    /** The latest record of each signal, all at once. */
    async after(known) {
      const signals = new Map<string, StoredSignal>();
      let place = isOpen ? known : await firstPlace();
      for (;;) {
        const page = await log.search({ types, after: place, limit: pageSize, withheld: true });
        for (const { record } of page) {
          const signal = signalOf(record);
          if (signal !== undefined) signals.set(`${signal.person} ${signal.name}`, signal);
        }
        place = page.at(-1)?.index ?? place;
        if (page.length < pageSize) break;
      }
      isOpen = true;
      return { signals: [...signals.values()], newest: place };
    },
  };
}

function signalOf({ type, subject, data }: EvidenceRecord): StoredSignal | undefined {
  const { signal, until } = membersOf(data) ?? {};
  if (subject === undefined || typeof signal !== 'string') return undefined;
  const end = type === 'risk.raised' && typeof until === 'string' ? parseInstant(until) : 0;
  if (end === undefined) return undefined;
  // A record of a signal names a person and one of our signals.
  return { person: subject.id as PrincipalId, name: signal as PersonSignal, until: end };
}
