import {
  carriedMembers,
  closed,
  digest,
  enumOf,
  flag,
  id,
  instant,
  optional,
  type RecordDescription,
  reasonText,
  text,
  texts,
} from './shape.ts';
import { signedStatementMembers } from './statements.ts';

const sources = ['break-glass'];
const incident = id('inc');

/** The first holder is the subject of each record. */
export const incidentRecords = {
  'incident.declared': {
    about: 'A person has declared an emergency and asks for access; everybody who watches is alarmed.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references', 'authentication', 'audience', 'scope'],
    data: closed({
      incident,
      reason: reasonText,
      reference: text("Number in the firm's own system"),
      jkt: digest('RFC 7638 thumbprint of the key that the access is bound to'),
      second_before: instant(),
      ...signedStatementMembers,
      ...carriedMembers,
    }),
  },
  'incident.granted': {
    about: 'A second holder has agreed: there is emergency access, once, until a moment.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'actors', 'references', 'authentication', 'audience', 'scope'],
    data: closed({
      incident,
      ends_at: instant(),
      review_due_at: instant(),
      ...signedStatementMembers,
      ...carriedMembers,
    }),
  },
  'incident.refused': {
    about: 'Something was tried about an emergency and not let through.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      incident: optional(incident),
      step: enumOf(['declare', 'second', 'collect', 'end', 'review']),
    }),
  },
  'incident.ended': {
    about: 'Emergency access was ended before its time.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors', 'references'],
    data: closed({ incident, ...carriedMembers }),
  },
  'incident.lapsed': {
    about: 'No second holder came in time; there was no access.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ incident, ...carriedMembers }),
  },
  'incident.reviewed': {
    about: 'A third person has looked at what was done with emergency access.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors', 'references', 'authentication'],
    data: closed({
      incident,
      verdict: enumOf(['justified', 'not-justified']),
      note: reasonText,
      late: flag('Whether the review was overdue'),
      ...signedStatementMembers,
      ...carriedMembers,
    }),
  },
  'incident.overdue': {
    about: 'Nobody has reviewed in time: both holders are locked out, and their tokens end.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ incident, locked: texts('Principal ids'), ...carriedMembers }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
