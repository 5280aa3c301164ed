import type { PersonSignal, RecordDraft } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import { type About, subjectOf } from '../authenticators/records.ts';

const source = 'authentication';
type From = { readonly clock: Clock; readonly random: Random };

/** @param why in words; told to few */
export function signalRaised(
  from: From,
  about: About,
  { name, until, why }: { readonly name: PersonSignal; readonly until: number; readonly why: string },
): RecordDraft {
  return {
    ...{ id: newId('record', from), type: 'risk.raised', source, outcome: 'done', subject: subjectOf(about) },
    data: { signal: name, until: toInstant(until) },
    protectedValues: [{ path: '/data/why', kind: 'personal', subject: about.person, value: why.slice(0, 400) }],
  };
}

export function signalCleared(from: From, about: About, name: PersonSignal, by: string): RecordDraft {
  return {
    ...{ id: newId('record', from), type: 'risk.cleared', source, outcome: 'done', subject: subjectOf(about) },
    data: { signal: name, by },
  };
}
