import { hardwareAcr, phishingResistantAcr, type RecoveryFunction } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const role = Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' });

export const recoverySchema = Type.Object(
  {
    /** The functions that approve, each by a different person. By default `line` and `control`. */
    functions: Type.Optional(
      Type.Array(
        Type.Object({ name: role, roles: Type.Array(role, { minItems: 1, maxItems: 16, uniqueItems: true }) }, closed),
        { minItems: 2, maxItems: 4 },
      ),
    ),
    /** Cooling-off period after the enrolment; 24 by default. */
    coolingOffHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720 })),
    /** Lifetime of a recovery including enrolment; 72 by default. */
    openHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 168 })),
    /** Classes of authenticators that approve; by default `phrh`, in development `phr` as well. */
    acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 8 })),
  },
  closed,
);
export type RecoveryConfiguration = Readonly<Static<typeof recoverySchema>>;

export interface RecoverySettings {
  readonly functions: readonly RecoveryFunction[];
  readonly coolingOffMs: number;
  readonly openMs: number;
  readonly acrValues: readonly string[];
}

const defaultFunctions: readonly RecoveryFunction[] = [
  { name: 'line', roles: ['supervisor', 'desk-head', 'head-of-trading'] },
  { name: 'control', roles: ['compliance', 'risk', 'security'] },
];

/** @throws CodedError `configuration_invalid` for two functions of one name, or one role in two functions */
export function recoverySettings(
  input: RecoveryConfiguration,
  environment: 'development' | 'production',
): RecoverySettings {
  const config = parseConfiguration(recoverySchema, input);
  const functions = config.functions ?? defaultFunctions;
  const roles = functions.flatMap((each) => each.roles);
  if (new Set(functions.map(({ name }) => name)).size < functions.length || new Set(roles).size < roles.length)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: '/recovery/functions: each function needs its own name and its own roles.',
    });
  return {
    functions,
    coolingOffMs: (config.coolingOffHours ?? 24) * 3_600_000,
    openMs: (config.openHours ?? 72) * 3_600_000,
    acrValues: config.acrValues ?? (environment === 'production' ? [hardwareAcr] : [phishingResistantAcr, hardwareAcr]),
  };
}
