import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { changeSchema, count, erasureKeyMembers, presetSchema, simulationSchema, yearsSchema } from '../simulation.ts';

// Record data as read back from the log. Unknown members are ignored; a missing one makes a record unreadable.

const text = Type.String({ maxLength: 1024 });

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
    keys: Type.Array(Type.Object(erasureKeyMembers)),
    reason: text,
    expires_at: text,
    digest: text,
  }),
);
/** Written by the log for each slice. */
export const prunedData = Compile(Type.Object({ count, held: count, needed: count, complete: Type.Boolean() }));
export const erasedData = Compile(Type.Object({ values: count }));
