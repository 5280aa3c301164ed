import { comparedFields } from '@countersign/contracts';
import { digestSchema, idSchema, instantSchema } from '@countersign/runtime';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const count = Type.Integer({ minimum: 0 });
const texts = Type.Array(Type.String());

export const simulationRange = Type.Object(
  {
    from: Type.Optional(instantSchema({ description: 'From this moment on' })),
    until: Type.Optional(instantSchema({ description: 'Before this moment; now by default' })),
    action: Type.Optional(Type.String({ maxLength: 128, description: 'e.g. `order:create`' })),
    principal: Type.Optional(Type.String({ maxLength: 256 })),
    institution: Type.Optional(Type.String({ maxLength: 64, description: "LEI of the principal's institution" })),
    desk: Type.Optional(Type.String({ maxLength: 256, description: 'With its institution before it: `LEI/rates`' })),
  },
  { ...closed, title: 'SimulationRange' },
);

const flipCounts = Type.Array(
  Type.Object({ name: Type.String(), decisions: count, permitToDeny: count, denyToPermit: count }, closed),
  { description: 'Sorted by number of flips, largest first' },
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
        { ...closed, description: 'Limits that were, and would be, exceeded' },
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
    before: Type.Optional(Type.Unknown({ description: 'As in `limits.json`' })),
    after: Type.Optional(Type.Unknown()),
    tried: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Number of decisions tested against the changed limit. Absent: not tested',
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
    failure: Type.Optional(Type.String({ description: 'The reason for the failure' })),
    progress: Type.Object(
      { done: count, of: count },
      { ...closed, description: 'Records read, and records in the range' },
    ),
    decisions: count,
    skipped: Type.Record(Type.String(), count, {
      description: 'Decisions with missing inputs, by kind of input',
    }),
    permitToDeny: count,
    denyToPermit: count,
    otherChanges: Type.Integer({ minimum: 0, description: 'The same answer for other reasons or on other terms' }),
    by: Type.Object({ institution: flipCounts, desk: flipCounts, action: flipCounts }, closed),
    flips: Type.Array(flip, { maxItems: 1_000, description: 'The first thousand' }),
    limitChanges: Type.Optional(
      Type.Array(limitChange, {
        maxItems: 1_000,
        description:
          'Changes to limits and rates; the first thousand. Limits with `tried` were tested against the recorded readings one by ' +
          'one, without recounting the usage. All other decisions keep the recorded state of their limits. Absent in reports ' +
          'from older releases',
      }),
    ),
    digest: Type.Optional(digestSchema({ description: 'Digest of the whole report, once it is done' })),
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
    timeStamp: Type.Optional(Type.Literal(true, { description: 'A permitting policy requires a time stamp' })),
    entityVersion: count,
    inputDigest: digestSchema(),
    input: Type.Unknown({ description: 'The input of the policies, with entities of the directory by digest' }),
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
        missing: Type.Array(Type.String(), { description: 'Recorded inputs that are no longer available' }),
      },
      closed,
    ),
  ],
  { title: 'ReplayReport' },
);

const amount = Type.String({ description: 'Decimal, in `unit`' });
const limitReading = Type.Object(
  {
    limit: Type.String({ description: 'Id of the limit' }),
    key: Type.String({ description: 'The counter, e.g. `trader=person:anna.keller`' }),
    measure: Type.Enum(['notional', 'quantity']),
    window: Type.String({ description: '`order`, or a rolling period, e.g. `PT86400S`' }),
    unit: Type.String(),
    max: amount,
    used: Type.String({ description: 'Counted before this order' }),
    amount: Type.String({ description: 'Amount of this order' }),
    headroom: amount,
    overriddenBy: Type.Optional(
      Type.String({ description: 'Role whose approval permitted the order to exceed the limit' }),
    ),
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
      { description: 'Policies whose scope matches the question' },
    ),
    entities: Type.Array(Type.Unknown(), { description: 'The readable entities, in Cedar’s JSON form' }),
    limits: Type.Array(limitReading, {
      description: 'The readings of the limits, if they were checked. An exceeded limit turned the permit into a deny',
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
      { description: 'For a deny: the forbids that fired, and the permits with the fewest unmet conditions' },
    ),
  },
  { ...closed, title: 'DecisionExplanation' },
);
