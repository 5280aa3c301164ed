import { defined } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };

const feedSchema = Type.Object(
  {
    /** `iss` of its reports, and the source that postures name. */
    name: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
    /** LEI: it speaks for devices of this institution alone. */
    institution: Type.String({ pattern: '^[A-Z0-9]{18}[0-9]{2}$' }),
    /** Public keys (JWK), each with a `kid`; several while one is changed for another. */
    keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 8 }),
    /** A file with a report, or a folder of such files, that is also read. */
    path: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
  },
  closed,
);

export const devicesConfigurationSchema = Type.Object(
  {
    /** Our own URL: the pages belong to its origin, and reports name it as their audience. */
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    feeds: Type.Optional(Type.Array(feedSchema, { maxItems: 64 })),
    /** Older postures are ignored. Default 168, a week. */
    maxPostureAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8_760 })),
    /** Lifetime of an enrolment link. Default 30. */
    enrolmentMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440 })),
    /** How often these files are read. Default 5. */
    pollSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
  },
  closed,
);

export type DevicesConfiguration = Readonly<Static<typeof devicesConfigurationSchema>>;

export interface PostureFeed {
  readonly name: string;
  readonly institution: string;
  readonly keys: ReadonlyMap<string, VerificationKey>;
  readonly path?: string;
}

export type Settings = ReturnType<typeof settingsOf>;

/** @throws CodedError `configuration_invalid`, `key_malformed`, `key_private`, `key_unsupported` */
export function settingsOf(input: DevicesConfiguration) {
  const config = parseConfiguration(uniqueFeeds, input);
  return {
    issuer: config.issuer,
    secure: config.issuer.startsWith('https:'),
    environment: config.environment,
    feeds: new Map((config.feeds ?? []).map((feed): [string, PostureFeed] => [feed.name, feedOf(feed)])),
    maxPostureAgeMs: (config.maxPostureAgeHours ?? 168) * 3_600_000,
    enrolmentMs: (config.enrolmentMinutes ?? 30) * 60_000,
    pollMs: (config.pollSeconds ?? 5) * 1_000,
  };
}

/** A duplicate name would make it ambiguous whose keys count. */
const uniqueFeeds = Type.Refine(
  devicesConfigurationSchema,
  ({ feeds = [] }) => new Set(feeds.map(({ name }) => name)).size === feeds.length,
  () => 'each feed must have a name of its own',
);

function feedOf({ name, institution, keys, path }: Static<typeof feedSchema>): PostureFeed {
  const imported = keys.map((jwk): [string, VerificationKey] => {
    const key = importVerificationKey(jwk);
    const kid = jwk['kid'];
    return [typeof kid === 'string' ? kid : key.thumbprint, key];
  });
  return { name, institution, keys: new Map(imported), ...defined({ path }) };
}
