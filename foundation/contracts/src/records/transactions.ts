import { Type } from 'typebox';
import { exceptionCauses, exceptionResolutions } from '../exceptions.ts';
import { decision } from './decisions.ts';
import {
  closed,
  count,
  digest,
  enumOf,
  id,
  instant,
  jwk,
  lei,
  open,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  restricted,
  text,
  version,
} from './shape.ts';
import { signedStatementMembers } from './statements.ts';

const sources = ['transaction-registry'];
const always = ['transaction', 'mandate', 'intent'] as const;

const limits = Type.Array(
  closed({
    amount: Type.Unknown(),
    headroom: Type.Unknown(),
    key: Type.Unknown(),
    limit: Type.Unknown(),
    measure: Type.Unknown(),
    max: Type.Unknown(),
    overridden_by: optional(Type.Unknown()),
    unit: Type.Unknown(),
    used: Type.Unknown(),
    window: Type.Unknown(),
  }),
);
/** The change in the component's own form. An interrupted change is completed from it. */
const change = restricted(open('What the record changes about the transaction'));
const about = { exception: id('exc'), cause: enumOf(exceptionCauses), event: text() };
const given = {
  approval_id: id('apr'),
  key: jwk,
  role: text(),
  expires_at: instant(),
  batch_root: optional(digest('Where several were signed at once')),
  shown: restricted(
    closed({
      lang: text('BCP 47, of the words around it'),
      title: text(),
      lines: Type.Array(closed({ label: text(), value: text() })),
      warnings: Type.Array(closed({ code: text(), detail: text() })),
    }),
  ),
};
const resolution = { ...about, kind: enumOf(exceptionResolutions), reason: reasonText, mandate: optional(id('mnd')) };

export const transactionRecords = {
  'transaction.opened': {
    about: 'An intent became a transaction.',
    sources,
    outcomes: ['done'],
    always: [...always, 'subject', 'client', 'references'],
    data: closed({
      intent_type: text(),
      idempotency_key: text(),
      opened_at: optional(instant()),
      intent: restricted(open('Authorization detail (RFC 9396): what is meant to be done')),
    }),
  },
  'transaction.transitioned': {
    about: 'A transaction took a step.',
    sources,
    outcomes: ['done'],
    always: [...always, 'references'],
    data: Type.Union([
      closed({
        event: text(),
        from: text('State'),
        to: text('State'),
        version: version(),
        body_digest: restricted(digest('Of the body: by it a price could be tried out')),
        body: restricted(open('What was said with it')),
        late: optional(Type.Literal(true)),
        decision: optional(decision),
        limits: restricted(limits),
        change,
      }),
      closed({
        event: text(),
        from: text(),
        to: text(),
        version: version(),
        cause: Type.Literal('departure'),
        reason: reasonText,
        change,
      }),
    ]),
  },
  'transaction.refused': {
    about: 'A step was asked for and not taken.',
    sources,
    outcomes: ['deny'],
    always: [...always, 'subject', 'reason'],
    data: closed({
      event: text(),
      state: text(),
      body_digest: restricted(digest('Of the body that was sent')),
      decision: optional(decision),
      facts: restricted(open('Of the error')),
    }),
  },
  'approval.given': {
    about: 'A person signed that a transaction may go on.',
    sources,
    outcomes: ['permit'],
    always: [...always, 'subject', 'references'],
    // A reader of version 1 would expect a JWS.
    version: 2,
    data: Type.Union([
      closed({
        jws: text(
          'The signed approval (RFC 7515, compact), by a key of the directory or of the certificate in its header',
        ),
        ...given,
      }),
      closed({
        authenticator: id('aut'),
        ...given,
        ...signedStatementMembers,
      }),
    ]),
  },
  'approval.refused': {
    about: 'An approval, or its withdrawal, was not accepted.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: closed({
      approval_id: optional(id('apr')),
      state: optional(text()),
      batch_root: optional(digest('Where several were signed at once')),
      detail: restricted(text('In words')),
    }),
  },
  'approval.withdrawn': {
    about: 'An approval no longer stands.',
    sources,
    outcomes: ['done'],
    always: [...always, 'subject', 'references'],
    data: closed({
      approval_id: id('apr'),
      approver: principal(),
      institution: lei(),
      role: text(),
      reason: optional(reasonText),
    }),
  },
  'approval.declined': {
    about: 'Somebody who was to approve a transaction would not.',
    sources,
    outcomes: ['deny'],
    always: [...always, 'subject', 'reason', 'references'],
    data: closed({ state: text(), reason: restricted(reasonText) }),
  },
  'envelope.issued': {
    about: 'A signed statement about a transaction was issued, to travel with messages.',
    sources,
    outcomes: ['done'],
    always: [...always, 'subject', 'payload', 'references'],
    data: closed({
      state: text(),
      version: count(),
      mode: enumOf(['manual', 'automatic']),
      expires_at: instant(),
      kid: text(),
    }),
  },
  'exception.raised': {
    about: 'Something stands in the way of a transaction, and a person must look at it.',
    sources,
    outcomes: ['deny'],
    always: [...always, 'reason', 'references'],
    data: closed({
      ...about,
      state: text(),
      reason: text(),
      owner: lei('Institution that has to deal with it'),
      due_at: instant(),
      body_digest: restricted(digest('Of the body that was sent')),
      detail: restricted(text('In words')),
      change,
    }),
  },
  'exception.resolved': {
    about: 'An exception was dealt with.',
    sources,
    outcomes: ['done'],
    always: [...always, 'subject', 'references'],
    data: closed({ ...resolution, state: text(), to: optional(text('State')), version: optional(version()), change }),
  },
  'exception.refused': {
    about: 'An exception was to be dealt with in a way that is not open.',
    sources,
    outcomes: ['deny'],
    always: [...always, 'subject', 'reason'],
    data: closed({ ...resolution, facts: restricted(open('Of the error')) }),
  },
  'exception.overdue': {
    about: 'Nobody has dealt with an exception in time.',
    sources,
    outcomes: ['done'],
    always: [...always, 'reason', 'references'],
    data: closed({ ...about, owner: lei(), due_at: instant() }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
