import {
  carriedMembers,
  closed,
  count,
  digest,
  enumOf,
  id,
  instant,
  optional,
  type RecordDescription,
  restricted,
  text,
  texts,
} from './shape.ts';
import { signedStatementMembers } from './statements.ts';

const sources = ['recovery'];
const recovery = id('rcv');

/** The subject of each record is the person who lost an authenticator; the actor is the person who acted on the recovery. */
export const recoveryRecords = {
  'recovery.opened': {
    about: 'Somebody has lost their factor, and their identity was proved again: by what.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors'],
    data: closed({
      recovery,
      digest: digest('Over person, reason and evidence: what approvers sign'),
      expires_at: instant(),
      reason: restricted(text('In the words of who opened it'), 'personal'),
      evidence: restricted(texts('References to what proved who the person is'), 'personal'),
      ...carriedMembers,
    }),
  },
  'recovery.approved': {
    about: 'One of the functions that are asked has approved, by a signed statement.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'actors', 'references', 'authentication'],
    data: closed({ recovery, function: text(), digest: digest(), ...signedStatementMembers, ...carriedMembers }),
  },
  'recovery.refused': {
    about: 'Something was tried about a recovery and not let through, or an approver has said no.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'actors', 'reason'],
    data: closed({
      recovery: optional(recovery),
      step: enumOf(['open', 'approve', 'refuse', 'cancel', 'invite']),
      function: optional(text()),
      words: restricted(text('In the words of who refused'), 'personal'),
      // Present when an approver refused and the recovery ended.
      thing: optional(carriedMembers.thing),
      after: optional(carriedMembers.after),
      previous: carriedMembers.previous,
    }),
  },
  'recovery.credentials-ended': {
    about: 'Everything that the person held has ended: authenticators, invitations, sessions and tokens.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ recovery, authenticators: count(), sessions: count(), ...carriedMembers }),
  },
  'recovery.invited': {
    about: 'A link with which the person enrols is handed out, the only one from then on.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors', 'references'],
    data: closed({ recovery, ...carriedMembers }),
  },
  'recovery.completed': {
    about: 'The person has enrolled anew; until the cooling-off ends nothing that moves value is done.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ recovery, authenticator: id('aut'), cooling_off_until: instant(), ...carriedMembers }),
  },
  'recovery.cancelled': {
    about: 'A recovery was called off: by the person, with an authenticator that still works, or by an operator.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors', 'references'],
    data: closed({
      recovery,
      how: enumOf(['person', 'operator']),
      words: restricted(text('In the words of who called it off'), 'personal'),
      statement: optional(signedStatementMembers.statement),
      key: optional(signedStatementMembers.key),
      ...carriedMembers,
    }),
  },
  'recovery.expired': {
    about: 'A recovery was not through in time.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ recovery, status: enumOf(['waiting', 'approved', 'ended', 'invited']), ...carriedMembers }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
