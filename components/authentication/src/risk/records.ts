import { type PersonSignal, type RecordDraft, recordIdOfCommand } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import { type About, subjectOf } from '../authenticators/records.ts';
import type { StoredSignal } from './signal-store.ts';

const source = 'authentication';
type From = { readonly clock: Clock; readonly random: Random };

/**
 * Recorded once, also when repeated after a crash: its id follows from the previous end of the signal.
 * @param was milliseconds since the epoch; undefined if the signal was never raised
 * @param why in words, protected
 */
export function signalRaised(
  from: From,
  about: About,
  {
    name,
    until,
    was,
    why,
  }: Pick<StoredSignal, 'name' | 'until'> & { readonly was: number | undefined; readonly why: string },
): RecordDraft {
  // Another cause with the same end is recorded each time.
  const id =
    was === until
      ? newId('record', from)
      : recordIdOfCommand({ raised: { person: about.person, name, until, was: was ?? null } });
  return {
    ...{ id, type: 'risk.raised', source, outcome: 'done', subject: subjectOf(about) },
    data: { signal: name, until: toInstant(until) },
    protectedValues: [{ path: '/data/why', kind: 'personal', subject: about.person, value: why.slice(0, 400) }],
  };
}

/** @param was its end before, milliseconds since the epoch */
export function signalCleared(
  about: About,
  { name, was, by }: { readonly name: PersonSignal; readonly was: number; readonly by: string },
): RecordDraft {
  const id = recordIdOfCommand({ cleared: { person: about.person, name, was } });
  return {
    ...{ id, type: 'risk.cleared', source, outcome: 'done', subject: subjectOf(about) },
    data: { signal: name, by },
  };
}
