import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import { methodNameSchema } from './methods/index.ts';

const configurationSchema = Type.Object(
  {
    /** Our own URL; the pages, their cookies and their forms belong to its origin. */
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    /** In the order in which they are offered; none lets nobody in. */
    methods: Type.Array(methodNameSchema, { uniqueItems: true }),
    /** A session ends when nothing was asked of it for so long. Default 30 minutes. */
    idleSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** A session ends so long after the sign-in, whatever was asked of it. Default 12 hours. */
    absoluteSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** How long a person may take to sign in. Default 10 minutes. */
    signInSeconds: Type.Optional(Type.Integer({ minimum: 30, maximum: 3_600 })),
  },
  { additionalProperties: false },
);

export type AuthenticationConfiguration = Readonly<Static<typeof configurationSchema>>;

/** The configuration with its defaults filled in. */
export interface Settings {
  readonly origin: string;
  /** Whether browsers reach us by https. */
  readonly secure: boolean;
  readonly environment: AuthenticationConfiguration['environment'];
  readonly methods: AuthenticationConfiguration['methods'];
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly signInMs: number;
}

/** @throws CodedError `configuration_invalid` */
export function settingsOf(input: AuthenticationConfiguration): Settings {
  const config = parseConfiguration(configurationSchema, input);
  const { origin, protocol } = new URL(config.issuer);
  return {
    origin,
    secure: protocol === 'https:',
    environment: config.environment,
    methods: config.methods,
    idleMs: (config.idleSeconds ?? 1_800) * 1000,
    absoluteMs: (config.absoluteSeconds ?? 43_200) * 1000,
    signInMs: (config.signInSeconds ?? 600) * 1000,
  };
}
