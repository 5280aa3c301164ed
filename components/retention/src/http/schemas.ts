import { recordTypes } from '@countersign/contracts';
import { digestSchema, idSchema } from '@countersign/runtime';
import { Type } from 'typebox';
import { forEachClass } from '../schedule.ts';
import {
  changeSchema,
  count,
  erasureKeyMembers,
  instant as moment,
  presetSchema,
  scheduledClassSchema,
  simulationSchema,
  yearsSchema,
} from '../simulation.ts';

export const strict = { additionalProperties: false };
const actor = Type.Object(
  { id: Type.String(), institution: Type.Optional(Type.String({ description: 'LEI' })) },
  { ...strict, title: 'Actor' },
);
const line = (description: string) => Type.String({ minLength: 1, maxLength: 400, description });
const reason = line('For people; it is recorded');
const subject = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'A principal, `client:` and a client, or an LEI',
});

export const wantedChange = Type.Union(
  [
    Type.Object(
      {
        kind: Type.Literal('schedule'),
        presets: Type.Array(presetSchema, { maxItems: 4, uniqueItems: true }),
        years: Type.Optional(
          Type.Object(
            forEachClass(() => Type.Optional(Type.Integer({ minimum: 1, maximum: 100 }))),
            { ...strict, description: 'The own years of the firm; what the presets ask where left out' },
          ),
        ),
      },
      strict,
    ),
    Type.Object(
      { kind: Type.Literal('pruning'), class: scheduledClassSchema, before: Type.Optional(moment) },
      {
        ...strict,
        description: 'Bodies of a class from before a moment; as late as the schedule allows when left out',
      },
    ),
  ],
  { title: 'WantedRetentionChange' },
);
export const simulateBody = Type.Object({ change: wantedChange }, strict);
export const proposeBody = Type.Object(
  { simulation: Type.String({ maxLength: 64, description: 'What was simulated is what is proposed' }), reason },
  strict,
);
export const approveBody = Type.Object(
  { digest: digestSchema({ description: 'Of the proposal as it was read' }) },
  strict,
);
export const reasonBody = Type.Object({ reason }, strict);

const schedule = Type.Object(
  {
    version: Type.Integer({ minimum: 0, description: '0 until anybody has decided' }),
    presets: Type.Array(presetSchema),
    years: yearsSchema,
  },
  { ...strict, title: 'RetentionSchedule' },
);
export const overview = Type.Object(
  {
    schedule,
    dueBefore: Type.Object(
      forEachClass(() => moment),
      { ...strict, description: 'What is older may be pruned now' },
    ),
    presets: Type.Array(Type.Object({ name: presetSchema, source: Type.String(), years: yearsSchema }, strict)),
    activeHolds: count,
    history: Type.Array(Type.Object({ schedule, since: moment, recordId: idSchema('record') }, strict), {
      description: 'Schedules that were in force, newest first',
    }),
  },
  { ...strict, title: 'Retention' },
);
export const simulationAnswer = simulationSchema;

const shownStatuses = ['proposed', 'approved', 'rejected', 'completed', 'expired'] as const;
const proposalMembers = {
  id: idSchema('record'),
  status: Type.Enum(shownStatuses, { description: '`approved`: by two people, and not yet all done' }),
  proposedBy: actor,
  proposedAt: moment,
  expiresAt: moment,
  reason: Type.String(),
  digest: digestSchema({ description: 'What the approver names' }),
  decidedBy: Type.Optional(actor),
  decidedAt: Type.Optional(moment),
  decisionReason: Type.Optional(Type.String()),
};
export const changeProposal = Type.Object(
  {
    ...proposalMembers,
    change: changeSchema,
    simulation: simulationSchema,
    pruned: Type.Optional(
      Type.Object(
        {
          count,
          held: Type.Integer({ minimum: 0, description: 'Stayed because of a hold' }),
          needed: Type.Integer({ minimum: 0, description: 'Stayed because what is kept rests on them' }),
        },
        strict,
      ),
    ),
    progress: Type.Optional(Type.Object({ done: count, of: count }, strict)),
  },
  { ...strict, title: 'RetentionProposal' },
);
export const changeProposals = Type.Object({ proposals: Type.Array(changeProposal) }, strict);

export const erasureProposal = Type.Object(
  {
    ...proposalMembers,
    subject: Type.String(),
    keys: Type.Array(Type.Object(erasureKeyMembers, strict)),
    erased: Type.Optional(Type.Integer({ minimum: 0, description: 'Values that are gone' })),
  },
  { ...strict, title: 'ErasureProposal' },
);
export const erasureProposals = Type.Object({ erasures: Type.Array(erasureProposal) }, strict);
export const erasureBody = Type.Object(
  {
    subject,
    keys: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: 200,
        uniqueItems: true,
        description: 'All that are due when left out',
      }),
    ),
    reason,
  },
  strict,
);
export const keysQuery = Type.Object({ subject }, strict);
export const keysAnswer = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          ...erasureKeyMembers,
          subject: Type.String(),
          erasableFrom: moment,
          due: Type.Boolean({ description: 'Its retention has passed; a hold may still keep it' }),
          erasedAt: Type.Optional(moment),
        },
        { ...strict, title: 'SubjectKey' },
      ),
    ),
  },
  strict,
);

const scopeMembers = {
  transaction: Type.Optional(Type.String({ maxLength: 64 })),
  person: Type.Optional(Type.String({ maxLength: 128 })),
  agent: Type.Optional(Type.String({ maxLength: 128 })),
  client: Type.Optional(Type.String({ maxLength: 128 })),
  mandate: Type.Optional(Type.String({ maxLength: 64 })),
  partner: Type.Optional(Type.String({ maxLength: 20, description: 'LEI' })),
  institution: Type.Optional(Type.String({ maxLength: 20, description: 'LEI' })),
  decision: Type.Optional(Type.String({ maxLength: 64 })),
  types: Type.Optional(Type.Array(Type.Enum([...recordTypes]), { minItems: 1, uniqueItems: true })),
  from: Type.Optional(moment),
  until: Type.Optional(moment),
};
const scope = Type.Object(scopeMembers, {
  ...strict,
  title: 'HoldScope',
  description: 'Records for which everything named holds',
});
export const holdBody = Type.Object(
  {
    scope,
    matter: line('Court or authority, and reference; it is recorded'),
    future: Type.Optional(Type.Boolean({ description: 'It may find nothing yet: it is meant for what is to come' })),
  },
  strict,
);
export const holdsQuery = Type.Object(
  { active: Type.Optional(Type.Enum(['true', 'false'], { description: 'Released ones too when left out' })) },
  strict,
);
export const hold = Type.Object(
  {
    id: idSchema('record'),
    scope,
    matter: Type.String(),
    placedBy: actor,
    placedAt: moment,
    releasedBy: Type.Optional(actor),
    releasedAt: Type.Optional(moment),
  },
  { ...strict, title: 'LegalHold' },
);
export const holdList = Type.Object({ holds: Type.Array(hold) }, strict);
export const idParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
export const statusQuery = Type.Object({ status: Type.Optional(Type.Enum(shownStatuses)) }, strict);
