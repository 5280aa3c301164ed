import { Type } from 'typebox';
import {
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  instant,
  optional,
  pair,
  type RecordDescription,
  text,
  wholeNumber,
} from './shape.ts';

// Records that the log writes about itself.

const sources = ['audit-log'];
/** Every component with rows that carry authority. */
const standingSources = [
  'authentication',
  'authorization-server',
  'break-glass',
  'certificate-authority',
  'consent-store',
  'devices',
  'directory',
  'event-publisher',
  'notices',
  'policy-engine',
  'recovery',
  'retention',
  'secrets',
  'transaction-registry',
  'trust-registry',
];

const reading = {
  source: enumOf(['system', 'chrony', 'ntp']),
  synchronised: flag(),
  offset_us: optional(Type.Number()),
  uncertainty_us: optional(Type.Number()),
  stratum: optional(Type.Integer()),
  reference: optional(text('Of the source: what it follows')),
  reason: optional(text('Why it could not be measured')),
  database: closed(
    { offset_us: Type.Number(), uncertainty_us: Type.Number() },
    'The clock of the database against ours',
  ),
  steps_ms: Type.Array(Type.Number(), { description: 'Sets of the clock since the last measurement' }),
  budget_us: Type.Number(),
  within_budget: optional(Type.Boolean()),
};

export const logRecords = {
  'log.opened': {
    about: 'The log was opened for the first time: its first statement about itself.',
    sources,
    outcomes: ['done'],
    data: closed({ origin: text('The name in its checkpoints'), verifier_key: text('C2SP vkey') }),
  },
  'log.key-rotated': {
    about:
      'The log has a new key: the tree that ends with this record is signed by both keys, every larger one by the new key.',
    sources,
    outcomes: ['done'],
    always: ['references'],
    data: closed({
      origin: text('The name in its checkpoints'),
      from: text('C2SP vkey of the old key'),
      to: text('C2SP vkey of the new key'),
    }),
  },
  'log.publication-stopped': {
    about: 'Too few witnesses cosign: nothing new is published.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: closed({
      published: wholeNumber('Records that are published'),
      quorum: text(),
      witnesses: Type.Record(Type.String(), Type.String(), { description: 'What is missing of each' }),
      max_unpublished_records: wholeNumber(),
      max_unpublished_seconds: Type.Number(),
    }),
  },
  'log.publication-resumed': {
    about: 'The log is published again.',
    sources,
    outcomes: ['done'],
    data: closed({ size: wholeNumber(), quorum: text() }),
  },
  'log.witness-alarm': {
    about: 'A witness did what a witness does not do, or has put it right.',
    sources,
    outcomes: ['deny', 'done'],
    data: closed({
      witness: text(),
      key: text('C2SP vkey'),
      kind: enumOf(['rolled-back', 'caught-up', 'forged', 'contradicts', 'ahead']),
      cosigned: optional(wholeNumber('Size of the tree')),
      remembers: optional(wholeNumber('Size of the tree')),
    }),
  },
  'log.pruned': {
    about: 'Bodies of records whose retention has passed were removed; their leaf hashes stay.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      class: text(),
      before: instant(),
      ranges: Type.Array(pair(count()), { description: 'First and last place of each stretch' }),
      count: count(),
      root: digest('RFC 6962 tree hash over the leaf hashes of what was removed'),
      held: count('Kept for a legal hold'),
      needed: count('Kept because something that stays rests on it'),
      complete: flag('Whether the order has been carried out'),
      as_of: Type.Integer({ description: 'Place up to which holds and schedule were looked at' }),
    }),
  },
  'source.opened': {
    about: 'A process began a stream of records; its numbers start here.',
    sources,
    outcomes: ['done'],
    data: closed({ node: text(), beat_every_ms: count('0: never') }),
  },
  'source.beat': {
    about: 'A process that records nothing else says that it is there.',
    sources,
    outcomes: ['done'],
  },
  'source.closed': {
    about: 'A process ended its stream; nothing comes after this number.',
    sources,
    outcomes: ['done'],
  },
  'source.alarm': {
    about: 'A stream is not whole, is silent, or has times that cannot be.',
    sources,
    outcomes: ['done'],
    data: closed({
      kind: enumOf(['missing', 'repeated', 'silent', 'behind', 'ahead']),
      stream: id('src'),
      node: text(),
      numbers: pair(count()),
      place: wholeNumber('Where it was noticed'),
      off_by_ms: optional(Type.Number()),
    }),
  },
  'row.rejected': {
    about: 'A row that claims authority does not agree with the newest record about it, and counts for nothing.',
    sources: standingSources,
    outcomes: ['deny'],
    always: ['reason'],
    data: closed({
      of: text('Kind and id of the thing'),
      found: digest('Of what the row says'),
      recorded: optional(digest('What the newest record says; absent where there is none, or it has ended')),
    }),
  },
  'clock.measured': {
    about: 'How good the time of a process is.',
    sources,
    outcomes: ['done'],
    data: closed(reading),
  },
  'clock.alarm': {
    about: 'The clock is over its budget, or cannot be measured.',
    sources,
    outcomes: ['done'],
    data: closed({ ...reading, measured: id('rec'), policy: enumOf(['flag', 'refuse']) }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
