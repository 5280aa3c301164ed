import type { ClassSurvey, RetentionClass, RetentionPreset } from '@countersign/contracts';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { forEachClass, type RetentionYears, type ScheduledClass } from './schedule.ts';

export type Change =
  | { readonly kind: 'schedule'; readonly presets: readonly RetentionPreset[]; readonly years: RetentionYears }
  /** RFC 3339. */
  | { readonly kind: 'pruning'; readonly class: ScheduledClass; readonly before: string };

export interface Simulation {
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  readonly by: string;
  readonly change: Change;
  readonly schedule: number;
  /** Place in the log of the newest schedule or hold. */
  readonly asOf: string;
  readonly holds: number;
  /** RFC 3339. */
  readonly before: Readonly<Partial<Record<RetentionClass, string>>>;
  readonly would: readonly ClassSurvey[];
  readonly now: readonly ClassSurvey[];
}

const closed = { additionalProperties: false };
const place = Type.String({ pattern: '^(?:-1|0|[1-9][0-9]{0,18})$' });
export const count = Type.Integer({ minimum: 0 });
export const yearsSchema = Type.Object(
  forEachClass(() => Type.Integer({ minimum: 1, maximum: 100 })),
  { ...closed, title: 'RetentionYears', description: 'For how long each class is kept' },
);
export const presetSchema = Type.Enum(['sec-17a-4', 'cftc-1.31', 'mifir-25', 'own']);
export const scheduledClassSchema = Type.Enum(['transaction', 'authority', 'access', 'operation']);
const classSchema = Type.Enum(['transaction', 'authority', 'access', 'custody', 'operation']);
export const instant = Type.String({ format: 'date-time', maxLength: 40 });

export const erasureKeyMembers = {
  key: Type.String(),
  region: Type.String(),
  class: classSchema,
  year: Type.Integer(),
  values: count,
  newest: instant,
};

export const changeSchema = Type.Union(
  [
    Type.Object(
      { kind: Type.Literal('schedule'), presets: Type.Array(presetSchema, { maxItems: 4 }), years: yearsSchema },
      closed,
    ),
    Type.Object({ kind: Type.Literal('pruning'), class: scheduledClassSchema, before: instant }, closed),
  ],
  { title: 'RetentionChange' },
);
const surveySchema = Type.Object(
  {
    class: classSchema,
    records: Type.Integer({ minimum: 0, description: 'Records whose bodies are there' }),
    bytes: count,
    due: Type.Integer({ minimum: 0, description: 'Of them, those that are old enough to go' }),
    held: Type.Integer({ minimum: 0, description: 'Of those, the ones that a hold keeps' }),
    oldest: Type.Optional(instant),
  },
  { ...closed, title: 'ClassSurvey' },
);
export const simulationSchema = Type.Object(
  {
    id: Type.String(),
    at: instant,
    by: Type.String(),
    change: changeSchema,
    schedule: count,
    asOf: place,
    holds: count,
    before: Type.Object(
      forEachClass(() => Type.Optional(instant)),
      closed,
    ),
    would: Type.Array(surveySchema),
    now: Type.Array(surveySchema),
  },
  { ...closed, title: 'RetentionSimulation' },
);
const checked = Compile(simulationSchema);

export function readSimulation(value: unknown): Simulation | undefined {
  return checked.Check(value) ? value : undefined;
}

/** Whether more would be removed than the first survey showed. */
export function wouldGoBeyond(shown: readonly ClassSurvey[], found: readonly ClassSurvey[]): boolean {
  const going = new Map(shown.map(({ class: name, due, held }) => [name, due - held]));
  return found.some(({ class: name, due, held }) => due - held > (going.get(name) ?? 0));
}
