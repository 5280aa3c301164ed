import { haltKinds } from '../halts.ts';
import {
  closed,
  digest,
  enumOf,
  id,
  instant,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  text,
} from './shape.ts';

const sources = ['halt'];
const target = {
  kind: enumOf(haltKinds),
  id: text('LEI, desk id, principal id, client id, MIC or CFI category'),
  party: text('`operator`, or the LEI of the institution whose own trading is halted'),
};
const decided = {
  ...target,
  halt: id('rec', 'The latest trip of the halt'),
  proposal: id('rec'),
  digest: digest('Of the proposal, as it was shown'),
  proposed_by: principal(),
};

export const haltRecords = {
  'halt.tripped': {
    about:
      'Trading was halted for a target: nothing that starts new risk is permitted until two other people release it.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ ...target, reason: reasonText, again: optional(id('rec', 'The trip before, if it was in force')) }),
  },
  'halt.release-proposed': {
    about: 'The release of a halt waits for a second person.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      ...target,
      halt: id('rec', 'The latest trip of the halt'),
      reason: reasonText,
      expires_at: instant(),
      digest: digest('What an approver names'),
    }),
  },
  'halt.released': {
    about: 'Two people who did not trip the halt released it.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed(decided),
  },
  'halt.release-rejected': {
    about: 'The release of a halt was turned down, or its proposer left.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ ...decided, reason: reasonText }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
