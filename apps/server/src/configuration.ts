import { CodedError } from '@countersign/kernel';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });

/** Everything a control plane is told. Secrets are named (`file:` or `env:`), never written here. */
export const configurationSchema = Type.Object(
  {
    /** `development` allows plain HTTP on loopback and an embedded database; nothing else may. */
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    /** Issuer identifier and base of every address; what clients and proofs name us by. */
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    listen: Type.Object(
      { host: Type.String({ minLength: 1, maxLength: 256 }), port: Type.Integer({ minimum: 0, maximum: 65_535 }) },
      { additionalProperties: false },
    ),
    /** Folder of the embedded database, the key files and the roles' secret. */
    dataFolder: Type.String({ minLength: 1, maxLength: 1024 }),
    /** Your own PostgreSQL instead of the embedded one. */
    databaseUrl: Type.Optional(secretReference),
    /** 32 bytes as base64url; encrypts signing keys at rest. */
    keyEncryptionKey: secretReference,
    /** Name of the log in its checkpoints: a schema-less URL, unique to this log for ever. */
    logOrigin: Type.String({ pattern: '^[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+)+$', maxLength: 200 }),
    logLevel: Type.Union([
      Type.Literal('trace'),
      Type.Literal('debug'),
      Type.Literal('info'),
      Type.Literal('warn'),
      Type.Literal('error'),
    ]),
    /** The firm that runs this control plane. */
    operator: Type.Object(
      {
        lei: Type.String({ minLength: 20, maxLength: 20 }),
        name: Type.String({ minLength: 1, maxLength: 200 }),
        country: Type.String({ minLength: 2, maxLength: 2 }),
        /** Public keys of the command `countersign`, by which the operator sets everything else up. */
        jwks: Type.Object({
          keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 8 }),
        }),
      },
      { additionalProperties: false },
    ),
    accessTokenLifetimeSeconds: Type.Integer({ minimum: 30, maximum: 300 }),
  },
  { additionalProperties: false },
);

export type Configuration = Readonly<Static<typeof configurationSchema>>;

/**
 * Parses a configuration and refuses what must not run outside development.
 *
 * @throws CodedError `configuration_invalid`, `configuration_unsafe`
 */
export function readConfiguration(input: unknown): Configuration {
  const configuration = parseConfiguration(configurationSchema, input);
  const problems = unsafeSettings(configuration);
  if (problems.length > 0) throw unsafe(problems);
  return configuration;
}

function unsafeSettings(configuration: Configuration): readonly string[] {
  const { protocol, hostname } = new URL(configuration.issuer);
  const loopback = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  if (configuration.environment === 'development')
    return loopback
      ? []
      : [`issuer: development runs on loopback only, not as ${hostname}; set environment to production`];
  const problems: string[] = [];
  if (protocol !== 'https:') problems.push('issuer: must be https outside development');
  if (configuration.databaseUrl === undefined)
    problems.push('databaseUrl: name a PostgreSQL of your own outside development');
  return problems;
}

function unsafe(problems: readonly string[]): Error {
  return new CodedError({
    code: 'configuration_unsafe',
    category: 'invalid',
    detail: `The configuration must not run as it is: ${problems.join('; ')}.`,
  });
}
