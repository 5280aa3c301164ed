import { Type } from 'typebox';
import {
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  open,
  optional,
  type RecordDescription,
  text,
  texts,
  toldToFew,
  version,
} from './shape.ts';

const obligation = Type.Union([
  closed({
    kind: Type.Literal('approval'),
    role: text(),
    count: count(),
    escalation: Type.Array(closed({ role: text(), after_seconds: Type.Integer() })),
  }),
  closed({ kind: Type.Literal('step-up'), acr: text(), max_age_seconds: optional(Type.Integer()) }),
]);

/** A decision as records hold it: enough to make it again with what is told to few. */
export const decision = closed({
  decision_id: id('dec'),
  decision: flag(),
  policy_version: Type.Integer({ minimum: 0 }),
  policy_hash: digest(),
  determining: texts('Ids of the policies that decided'),
  obligations: Type.Array(obligation),
  token_lifetime_seconds: optional(Type.Integer()),
  time_stamp: optional(flag('What is recorded of it is to be stamped')),
  entity_version: count('Of the directory'),
  input_digest: digest(),
  input: toldToFew(open('Everything that was decided from')),
  reasons: toldToFew(Type.Array(closed({ code: text(), detail: text() }))),
  errors: toldToFew(Type.Array(closed({ policy_id: text(), message: text() }))),
});

const entity = closed({ type: text(), id: text() });
const application = text('Namespace of the model of an application that decided; the market when left out');
const comparable = closed({ decision: flag(), determining: texts(), errors: texts() });
const sources = ['policy-engine'];
const skipped = Type.Record(Type.String(), count(), {
  description: 'Decisions that were not judged, by what was missing',
});

export const decisionRecords = {
  'decision.made': {
    about: 'A question was decided; permit and deny alike.',
    sources,
    outcomes: ['permit', 'deny'],
    always: ['references', 'actors', 'policy'],
    data: closed({
      decision,
      evaluation: closed({ application: optional(application), subject: entity, action: text(), resource: entity }),
    }),
  },
  'decision.searched': {
    about: 'It was asked who may do what to which (AuthZEN search).',
    sources,
    outcomes: ['done'],
    always: ['references', 'actors', 'policy'],
    data: closed({
      search: enumOf(['subject', 'resource', 'action']),
      application: optional(application),
      subject: optional(text()),
      action: optional(text()),
      resource: optional(text()),
      subject_type: optional(text()),
      resource_type: optional(text()),
      first_page: flag(),
      last_page: flag(),
      questions: count(),
      results: count(),
      results_digest: digest(),
      entity_version: count(),
    }),
  },
  'policy.proposed': {
    about: 'Policies were proposed and wait for a second person.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      candidate: id('pol'),
      hash: digest('Of the bundle'),
      digest: digest('Of the proposal, as it is approved'),
      change_request: text(),
      reason: text(),
      base_version: count(),
      expires_at: text(),
      tests: closed({ passed: count(), untested: count() }),
      simulation: closed({
        id: id('sim'),
        digest: optional(digest()),
        decisions: count(),
        skipped: optional(skipped),
        permit_to_deny: count(),
        deny_to_permit: count(),
      }),
    }),
  },
  'policy.published': {
    about: 'A version of the policies came into force; with its texts, as far as they fit.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'policy'],
    data: closed({
      version: version(),
      hash: digest('Of the bundle'),
      change_request: text(),
      reason: text(),
      proposed_by: text(),
      approved_by: optional(text()),
      candidate: optional(id('pol')),
      rolled_back_to: optional(version()),
      parts: Type.Array(closed({ part: text(), digest: digest(), content: optional(Type.Unknown()) })),
    }),
  },
  'policy.rejected': {
    about: 'Proposed policies were turned down.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      candidate: id('pol'),
      digest: digest(),
      change_request: text(),
      proposed_by: text(),
      reason: text(),
    }),
  },
  'policy.refused': {
    about: 'Somebody asked for a change of the policies that they may not have.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      operation: enumOf(['policy:propose', 'policy:approve', 'policy:reject', 'policy:rollback']),
      change_request: optional(text()),
      candidate: optional(text()),
      hash: optional(digest('Of the bundle')),
    }),
  },
  'policy.simulated': {
    about: 'Policies were run over recorded decisions.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      simulation: id('sim'),
      bundle_hash: digest(),
      base_version: count(),
      range: Type.Record(Type.String(), Type.String()),
      records: count(),
      decisions: count(),
      skipped,
      permit_to_deny: count(),
      deny_to_permit: count(),
      otherwise_changed: count(),
      limit_changes: optional(count('Limits and rates that it changes')),
      limit_changes_not_tried: optional(count('Those among them that readings of the past say nothing about')),
      digest: Type.Union([digest('Of the report'), Type.Null()]),
    }),
  },
  'policy.diverged': {
    about: 'The compiled policies answered otherwise than the reference engine, which decides from then on.',
    sources,
    outcomes: ['done'],
    always: ['policy'],
    data: closed({
      version: version(),
      hash: digest(),
      decision_id: id('dec'),
      input_digest: digest(),
      compiled: comparable,
      reference: comparable,
    }),
  },
  'application.entity_written': {
    about: 'An entity of the model of an application was written.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({
      application,
      type: text('With the namespace'),
      thing: digest('Of its type and id'),
      version: version('Of the entities of the model'),
      entity: toldToFew(open('In the JSON form of Cedar')),
    }),
  },
  'application.entity_removed': {
    about: 'An entity of the model of an application was removed.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({
      application,
      type: text('With the namespace'),
      thing: digest('Of its type and id'),
      version: version('Of the entities of the model'),
      entity: toldToFew(open('Its type and id')),
    }),
  },
  'application.entity_refused': {
    about: 'Somebody asked for a change of an entity of the model of an application that they may not have.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({ application: text('As it was named'), thing: digest('Of its type and id') }),
  },
  'limit.released': {
    about: 'What an order had reserved within limits no longer counts.',
    sources,
    outcomes: ['done'],
    data: closed({
      reservation: text('Id of the transaction'),
      taken: text('Which of its reservations: it may have been reserved again'),
    }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
