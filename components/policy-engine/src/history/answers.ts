import { comparedFields } from '@countersign/contracts';
import { digestSchema, idSchema, instantSchema } from '@countersign/runtime';
import { Type } from 'typebox';

// What history answers with over HTTP; see decision-history.ts of the contracts.

const closed = { additionalProperties: false };
const count = Type.Integer({ minimum: 0 });
const texts = Type.Array(Type.String());

/** Which recorded decisions a simulation runs over. */
export const simulationRange = Type.Object(
  {
    from: Type.Optional(instantSchema({ description: 'From this moment on' })),
    until: Type.Optional(instantSchema({ description: 'Before this moment; now when left out' })),
    action: Type.Optional(Type.String({ maxLength: 128, description: 'e.g. `order:create`' })),
    principal: Type.Optional(Type.String({ maxLength: 256 })),
    institution: Type.Optional(Type.String({ maxLength: 64, description: "LEI of the principal's institution" })),
    desk: Type.Optional(Type.String({ maxLength: 256, description: 'With its institution before it: `LEI/rates`' })),
  },
  { ...closed, title: 'SimulationRange' },
);

const flipCounts = Type.Array(
  Type.Object({ name: Type.String(), decisions: count, permitToDeny: count, denyToPermit: count }, closed),
  { description: 'Those with the most flips first' },
);
const answer = Type.Enum(['permit', 'deny']);
const flip = Type.Object(
  {
    record: idSchema('record'),
    at: instantSchema(),
    principal: Type.String(),
    institution: Type.String(),
    desk: Type.String(),
    action: Type.String(),
    from: answer,
    to: answer,
    before: Type.Array(Type.String(), { description: 'Determining policies' }),
    after: texts,
    limits: Type.Optional(
      Type.Object(
        { before: texts, after: texts },
        { ...closed, description: 'Limits that it was, and would be, past' },
      ),
    ),
  },
  closed,
);

const limitChange = Type.Object(
  {
    kind: Type.Enum(['limit', 'rate']),
    id: Type.String(),
    change: Type.Enum(['added', 'changed', 'removed']),
    before: Type.Optional(Type.Unknown({ description: 'As `limits.json` has it' })),
    after: Type.Optional(Type.Unknown()),
    tried: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Decisions with a reading of the limit, which were held to it as it would be. Missing: not tried',
      }),
    ),
  },
  closed,
);

export const simulationAnswer = Type.Object(
  {
    id: idSchema('simulation'),
    status: Type.Enum(['running', 'done', 'failed']),
    bundleHash: digestSchema(),
    baseVersion: Type.Integer({ minimum: 1, description: 'The version that was active when it ran' }),
    range: simulationRange,
    startedAt: instantSchema(),
    startedBy: Type.String(),
    finishedAt: Type.Optional(instantSchema()),
    failure: Type.Optional(Type.String({ description: 'Why it failed' })),
    progress: Type.Object(
      { done: count, of: count },
      { ...closed, description: 'Records read, of those in the range' },
    ),
    decisions: count,
    skipped: Type.Record(Type.String(), count, {
      description: 'Decisions whose inputs could not be had, by what was missing',
    }),
    permitToDeny: count,
    denyToPermit: count,
    otherwiseChanged: Type.Integer({ minimum: 0, description: 'The same answer for other reasons or on other terms' }),
    by: Type.Object({ institution: flipCounts, desk: flipCounts, action: flipCounts }, closed),
    flips: Type.Array(flip, { maxItems: 1_000, description: 'The first thousand' }),
    limitChanges: Type.Optional(
      Type.Array(limitChange, {
        maxItems: 1_000,
        description:
          'What it makes otherwise of limits and rates; the first thousand. What is `tried` was held against the recorded ' +
          'readings, each by itself: what was used is not counted again. For all else decisions are held to the limits as ' +
          'they were found then. Missing in reports that were made before they said so',
      }),
    ),
    digest: Type.Optional(digestSchema({ description: 'Over all of the report, once it is done' })),
  },
  { ...closed, title: 'SimulationReport' },
);

const obligation = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('approval'),
      role: Type.String(),
      count: Type.Integer({ minimum: 1 }),
      escalation: Type.Array(Type.Object({ role: Type.String(), afterSeconds: count }, closed)),
    },
    closed,
  ),
  Type.Object({ kind: Type.Literal('step-up'), acr: Type.String(), maxAgeSeconds: Type.Optional(count) }, closed),
]);

const recordedDecisionAnswer = Type.Object(
  {
    id: idSchema('decision'),
    decision: Type.Boolean(),
    policyVersion: Type.Integer({ minimum: 1 }),
    policyHash: digestSchema(),
    determining: texts,
    errors: Type.Array(Type.Object({ policyId: Type.String(), message: Type.String() }, closed)),
    reasons: Type.Array(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
    obligations: Type.Array(obligation),
    tokenLifetimeSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
    timeStamp: Type.Optional(Type.Literal(true, { description: 'A policy that permitted it asks for a time stamp' })),
    entityVersion: count,
    inputDigest: digestSchema(),
    input: Type.Unknown({ description: 'All that was put to the policies; what of the directory, by digest' }),
  },
  { ...closed, title: 'RecordedDecision' },
);

const replayed = { record: idSchema('record'), recorded: recordedDecisionAnswer };
export const replayAnswer = Type.Union(
  [
    Type.Object({ ...replayed, outcome: Type.Literal('identical') }, closed),
    Type.Object(
      {
        ...replayed,
        outcome: Type.Literal('different'),
        differences: Type.Array(
          Type.Object(
            {
              field: Type.Enum([...comparedFields, 'input_digest']),
              recorded: Type.Unknown(),
              replayed: Type.Unknown(),
            },
            closed,
          ),
        ),
      },
      closed,
    ),
    Type.Object(
      {
        ...replayed,
        outcome: Type.Literal('missing'),
        missing: Type.Array(Type.String(), { description: 'Recorded inputs that cannot be had any more' }),
      },
      closed,
    ),
  ],
  { title: 'ReplayReport' },
);

const amount = Type.String({ description: 'Decimal, in `unit`' });
const limitReading = Type.Object(
  {
    limit: Type.String({ description: 'Its id' }),
    key: Type.String({ description: 'What is counted together, e.g. `trader=person:anna.keller`' }),
    measure: Type.Enum(['notional', 'quantity']),
    window: Type.String({ description: '`order`, or the time up to then, e.g. `PT86400S`' }),
    unit: Type.String(),
    most: amount,
    used: Type.String({ description: 'Counted before this order' }),
    amount: Type.String({ description: 'Of this order' }),
    headroom: amount,
    passedBy: Type.Optional(Type.String({ description: 'Role whose approval let the order pass it' })),
    exceeded: Type.Boolean(),
  },
  closed,
);

const effect = Type.Enum(['permit', 'forbid']);
export const explanationAnswer = Type.Object(
  {
    recorded: recordedDecisionAnswer,
    policies: Type.Array(
      Type.Object({ id: Type.String(), effect, text: Type.String(), determining: Type.Boolean() }, closed),
      { description: 'Those whose scope the question meets' },
    ),
    entities: Type.Array(Type.Unknown(), { description: 'What could be read, as Cedar entities' }),
    limits: Type.Array(limitReading, {
      description:
        'What the limits were found at, where they were asked. One that was exceeded has made a deny of a permit',
    }),
    unmet: Type.Array(
      Type.Object(
        {
          policyId: Type.String(),
          effect,
          conditions: Type.Array(
            Type.Object({ text: Type.String(), outcome: Type.Enum(['true', 'false', 'error']), found: texts }, closed),
          ),
        },
        closed,
      ),
      { description: 'Of a deny: the forbids that fired, and the permits that came nearest' },
    ),
  },
  { ...closed, title: 'DecisionExplanation' },
);
