import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import { type AuthenticatorsConfiguration, authenticatorsSchema } from './authenticators/config.ts';
import { methodNameSchema } from './methods/create-methods.ts';
import { type TierRules, tierRulesOf, tiersSchema } from './sessions/tiers.ts';

export const authenticationConfigurationSchema = Type.Object(
  {
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    /** In the order in which they are offered. */
    methods: Type.Array(methodNameSchema, { uniqueItems: true }),
    tiers: Type.Optional(tiersSchema),
    /** Validity of an assertion for intents. Default 5 minutes. */
    stepUpSeconds: Type.Optional(Type.Integer({ minimum: 30, maximum: 900 })),
    authenticators: Type.Optional(authenticatorsSchema),
    /** Sign-in pages and attempts within a minute, on each node. */
    limits: Type.Optional(
      Type.Object(
        {
          /** Default 600: a trading floor may be behind one address. */
          perAddress: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          /** Default 60. */
          perBrowser: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** Time limit for a sign-in. Default 10 minutes. */
    signInSeconds: Type.Optional(Type.Integer({ minimum: 30, maximum: 3_600 })),
  },
  { additionalProperties: false },
);

export type AuthenticationConfiguration = Readonly<Static<typeof authenticationConfigurationSchema>>;

export interface Settings {
  readonly origin: string;
  readonly secure: boolean;
  readonly environment: AuthenticationConfiguration['environment'];
  readonly methods: AuthenticationConfiguration['methods'];
  readonly tiers: TierRules;
  readonly stepUpMs: number;
  readonly signInMs: number;
  readonly limits: { readonly perAddress: number; readonly perBrowser: number };
  readonly authenticators: AuthenticatorsConfiguration | undefined;
}

/** @throws CodedError `configuration_invalid`, `configuration_unsafe` */
export function settingsOf(input: AuthenticationConfiguration): Settings {
  const config = parseConfiguration(authenticationConfigurationSchema, input);
  const { origin, protocol } = new URL(config.issuer);
  return {
    origin,
    secure: protocol === 'https:',
    environment: config.environment,
    methods: config.methods,
    tiers: tierRulesOf(config.tiers, config.environment),
    stepUpMs: (config.stepUpSeconds ?? 300) * 1000,
    signInMs: (config.signInSeconds ?? 600) * 1000,
    limits: { perAddress: config.limits?.perAddress ?? 600, perBrowser: config.limits?.perBrowser ?? 60 },
    authenticators: config.authenticators,
  };
}
