import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { changeSchema, presetSchema, simulationSchema, yearsSchema } from '../simulation.ts';

// What the records of this component say, as it reads them back from the log. Members that a later release adds are passed
// over; one that is missing makes a record unreadable.

const text = Type.String({ maxLength: 1024 });
const count = Type.Integer({ minimum: 0 });

export const proposedData = Compile(
  Type.Object({ change: changeSchema, simulation: simulationSchema, reason: text, expires_at: text, digest: text }),
);
export const changedData = Compile(
  Type.Object({
    proposal: text,
    version: Type.Integer({ minimum: 1 }),
    presets: Type.Array(presetSchema),
    years: yearsSchema,
  }),
);
/** Of an approval of pruning or erasure, and of every rejection. */
export const decidedData = Compile(Type.Object({ proposal: text, reason: Type.Optional(text) }));
export const heldData = Compile(
  Type.Object({
    matter: text,
    scope: Type.Object({
      transaction: Type.Optional(text),
      person: Type.Optional(text),
      agent: Type.Optional(text),
      client: Type.Optional(text),
      mandate: Type.Optional(text),
      partner: Type.Optional(text),
      institution: Type.Optional(text),
      decision: Type.Optional(text),
      types: Type.Optional(Type.Array(text)),
      from: Type.Optional(text),
      until: Type.Optional(text),
    }),
  }),
);
export const releasedData = Compile(Type.Object({ hold: text, reason: text }));
export const erasureData = Compile(
  Type.Object({
    subject: text,
    keys: Type.Array(
      Type.Object({
        key: text,
        region: text,
        class: Type.Enum(['transaction', 'authority', 'access', 'custody', 'operation']),
        year: Type.Integer(),
        values: count,
        newest: text,
      }),
    ),
    reason: text,
    expires_at: text,
    digest: text,
  }),
);
/** Written by the log: a slice that goes; the last of an order says so. */
export const prunedData = Compile(Type.Object({ count, held: count, needed: count, complete: Type.Boolean() }));
/** Written by the log. */
export const erasedData = Compile(Type.Object({ values: count }));
