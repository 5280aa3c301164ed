import { personSignals } from '../person-signals.ts';
import { closed, enumOf, instant, principal, type RecordDescription, restricted, text } from './shape.ts';

const sources = ['authentication'];
const signal = enumOf(personSignals, 'The name under which policies ask for it');

export const riskRecords = {
  'risk.raised': {
    about: 'Something is unusual about a person; policies ask for more of them, or deny, until it is over.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ signal, until: instant(), why: restricted(text('In words'), 'personal') }),
  },
  'risk.cleared': {
    about: 'What was unusual about a person was looked into, and stands no longer.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ signal, by: principal('Principal id of who cleared it') }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
