import { Type } from 'typebox';
import {
  base64Url,
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  instant,
  optional,
  pair,
  principal,
  type RecordDescription,
  reasonText,
  text,
  texts,
  version,
  wholeNumber,
} from './shape.ts';
import { refusedAtEndpoint } from './sign-in.ts';

const scheduled = ['transaction', 'authority', 'access', 'operation'] as const;
const classes = [...scheduled, 'custody'] as const;
const filters = {
  transaction: optional(id('txn')),
  person: optional(text()),
  agent: optional(text()),
  client: optional(text()),
  mandate: optional(text()),
  partner: optional(text()),
  institution: optional(text()),
  decision: optional(id('rec')),
  types: optional(texts()),
  from: optional(instant()),
  until: optional(instant()),
};
const stretches = Type.Array(pair(wholeNumber()), {
  description: 'First and last place of each stretch without gaps',
});

const years = closed({ transaction: count(), authority: count(), access: count(), operation: count() });
const presets = Type.Array(enumOf(['sec-17a-4', 'cftc-1.31', 'mifir-25', 'own']));
const change = Type.Union([
  closed({ kind: Type.Literal('schedule'), presets, years }),
  closed({ kind: Type.Literal('pruning'), class: enumOf(scheduled), before: instant() }),
]);
const surveys = Type.Array(
  closed({
    class: enumOf(classes),
    records: count('Whose bodies are there'),
    bytes: count(),
    due: count('Of them, old enough to go'),
    held: count('Of those, kept by a hold'),
    oldest: optional(instant()),
  }),
);
const retention = ['retention'];
const log = ['audit-log'];
const stamping = ['time-stamping'];
const proposal = { proposal: id('rec'), digest: digest('Of the proposal, as it was shown'), proposed_by: principal() };

export const evidenceRecords = {
  'access.refused': {
    about: 'Somebody who is known asked for what they may not have.',
    sources: [
      'authorization-server',
      'directory',
      'trust-registry',
      'retention',
      'policy-engine',
      'event-publisher',
      'certificate-authority',
      'secrets',
      'workload-identity',
      'halt',
    ],
    outcomes: ['deny'],
    always: ['reason'],
    data: Type.Union([
      closed({
        operation: text(),
        about: optional(text()),
        entity: optional(text()),
        grant: optional(id('grt')),
        issuer: optional(text()),
        institution: optional(text()),
        file_digest: optional(digest()),
        change_request: optional(text()),
        problem_count: optional(count()),
        error: optional(text()),
        problems: optional(Type.Array(closed({ code: text(), path: text() }))),
      }),
      refusedAtEndpoint,
      closed({ jti: id('tok') }, 'A token that does not open what was asked for'),
      closed(
        {
          call: text('Contract and method; `unknown` for what no contract has'),
          at: enumOf(['edge', 'core', 'evidence', 'egress', 'certificate-authority', 'secrets']),
          count: count('How often, in the time from `since` until this record'),
          since: instant(),
        },
        'Calls of one process that another one of the installation may not answer',
      ),
    ]),
  },
  'evidence.exported': {
    about: 'The evidence of a transaction was taken out: everything that belongs into the bundle.',
    sources: log,
    outcomes: ['done'],
    always: ['transaction', 'subject'],
    data: closed({
      transaction: id('txn'),
      part: version(),
      parts: version(),
      records: Type.Array(closed({ id: id('rec'), leaf_hash: digest() })),
      disclosed: optional(Type.Array(enumOf(['personal', 'strategy']))),
      purpose: optional(text()),
    }),
  },
  'evidence.read': {
    about: 'Records were read: by whom, by what question, and which.',
    sources: log,
    outcomes: ['done'],
    always: ['subject', 'client', 'scope'],
    data: closed({
      query: closed({ ...filters, after: optional(wholeNumber()), limit: optional(count()) }),
      asked: optional(Type.Union([Type.Literal('*'), texts('JSON pointers')])),
      purpose: optional(text()),
      disclosed: optional(texts('JSON pointers of the disclosed values')),
      records: count(),
      places: stretches,
    }),
  },
  'timestamp.issued': {
    about: 'Our authority stamped a digest with the time (RFC 3161).',
    sources: stamping,
    outcomes: ['done'],
    data: closed({
      serial: text('Hexadecimal'),
      time: instant(),
      digest_algorithm: text(),
      digest: base64Url(),
      policy: text('Object identifier'),
      accuracy_us: optional(count()),
      certificate: digest('Of the certificate'),
      token_digest: digest(),
    }),
  },
  'timestamp.refused': {
    about: 'A time stamp was not given, or has not come for long.',
    sources: stamping,
    outcomes: ['deny'],
    always: ['reason'],
    data: Type.Union([
      closed({ failure: text('PKIFailureInfo'), detail: text() }),
      closed({ overdue: Type.Literal(true), waiting_since: instant(), authority: text() }),
    ]),
  },
  'timestamp.obtained': {
    about: 'A checkpoint or a record was stamped with the time.',
    sources: stamping,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      thing: Type.Union([
        closed({ kind: Type.Literal('checkpoint'), size: wholeNumber(), checkpoint: text('Signed note') }),
        closed({ kind: Type.Literal('record'), record: id('rec'), leafHash: digest() }),
      ]),
      token: base64Url('DER'),
      time: instant(),
      accuracy_ms: optional(Type.Number()),
      policy: text('Object identifier'),
      serial: text('Hexadecimal'),
      authority: text(),
    }),
  },
  'retention.proposed': {
    about: 'A change of what is kept for how long, or a pruning, was proposed, with what it would do.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      change,
      simulation: closed({
        id: text(),
        at: instant(),
        by: text(),
        change,
        schedule: count(),
        asOf: wholeNumber(),
        holds: count(),
        before: closed({
          transaction: optional(instant()),
          authority: optional(instant()),
          access: optional(instant()),
          operation: optional(instant()),
        }),
        would: surveys,
        now: surveys,
      }),
      reason: reasonText,
      expires_at: instant(),
      digest: digest(),
    }),
  },
  'retention.changed': {
    about: 'A second person agreed: records are kept by another schedule.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ ...proposal, version: version('Of the schedule'), presets, years }),
  },
  'retention.pruning-approved': {
    about: 'A second person agreed: the bodies of a class go.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ ...proposal, class: enumOf(scheduled), before: instant() }),
  },
  'retention.rejected': {
    about: 'A change of retention was turned down, or what was agreed is no longer allowed (`deny`).',
    sources: retention,
    outcomes: ['done', 'deny'],
    always: ['subject', 'references'],
    data: closed({
      proposal: id('rec'),
      kind: enumOf(['schedule', 'pruning']),
      proposed_by: optional(principal()),
      reason: reasonText,
    }),
  },
  'hold.placed': {
    about: 'What a query finds, now and later, is kept until the hold is released.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ scope: closed(filters), matter: text(), finds_nothing_yet: flag() }),
  },
  'hold.released': {
    about: 'A hold was released, by another person.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ hold: text(), reason: reasonText }),
  },
  'erasure.proposed': {
    about: 'It was proposed to destroy keys, and with them what is kept under them.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      subject: text('Whose keys'),
      reason: reasonText,
      digest: digest(),
      keys: Type.Array(
        closed({
          key: text(),
          region: text(),
          class: enumOf(classes),
          year: Type.Integer(),
          values: count(),
          newest: text(),
        }),
      ),
      schedule: count('Version of the schedule'),
      expires_at: instant(),
    }),
  },
  'erasure.approved': {
    about: 'A second person agreed that keys are destroyed.',
    sources: retention,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ ...proposal, subject: text('Whose keys'), keys: texts() }),
  },
  'erasure.rejected': {
    about: 'An erasure was turned down, or what was agreed is no longer allowed (`deny`).',
    sources: retention,
    outcomes: ['done', 'deny'],
    always: ['subject', 'references'],
    data: closed({
      proposal: id('rec'),
      kind: optional(enumOf(['erasure'])),
      proposed_by: optional(principal()),
      reason: reasonText,
    }),
  },
  'erasure.completed': {
    about: 'Keys and what was kept under them are destroyed; commitments stay.',
    sources: log,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ keys: texts(), values: count(), as_of: Type.Integer() }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
