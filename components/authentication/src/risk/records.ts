import { type PersonSignal, type RecordDraft, recordIdOfCommand } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import { type About, subjectOf } from '../authenticators/records.ts';

const source = 'authentication';
type From = { readonly clock: Clock; readonly random: Random };

/**
 * A change of how long a signal stands is recorded once, whoever repeats it after a process died: its id follows from what stood before.
 *
 * @param was milliseconds since the epoch until which it stood; undefined where it never did
 * @param why in words; told to few
 */
export function signalRaised(
  from: From,
  about: About,
  {
    name,
    until,
    was,
    why,
  }: {
    readonly name: PersonSignal;
    readonly until: number;
    readonly was: number | undefined;
    readonly why: string;
  },
): RecordDraft {
  // Another cause that makes it no longer changes nothing, and is recorded each time.
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

/** @param was milliseconds since the epoch until which it would have stood: it is cleared once */
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
