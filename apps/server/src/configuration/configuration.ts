import { registrationPolicySchema } from '@countersign/authorization-server';
import { CodedError } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { defaultCounting } from '@countersign/policy-engine';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import { evidenceSchemas } from './evidence-configuration.ts';
import { keyCustodySettings } from './key-configuration.ts';
import { peopleSchemas } from './people-configuration.ts';
import { processContradictions, processSchema } from './process-configuration.ts';

const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const closed = { additionalProperties: false };
const address = {
  host: Type.String({ minLength: 1, maxLength: 256 }),
  port: Type.Integer({ minimum: 0, maximum: 65_535 }),
  /** The network that this listener serves, as records name it. Default: `main`, or `mutual-tls` for the second listener. */
  zone: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' })),
};
/** References to PEM files: the certificate with its chain, and its private key. */
const identity = { certificate: secretReference, key: secretReference };
const jwks = Type.Object({
  keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 8 }),
});

/** LEIs. */
const institutions = Type.Array(Type.String({ minLength: 20, maxLength: 20 }), {
  minItems: 1,
  maxItems: 64,
  uniqueItems: true,
});

/** The complete configuration of a control plane. Secrets are references (`file:` or `env:`); the file never contains them. */
export const configurationSchema = Type.Object(
  {
    /** Only `development` allows plain HTTP on loopback and an embedded database. */
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    /** The issuer identifier and base of every address. Clients and proofs name this control plane by it. */
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    listen: Type.Object(
      {
        ...address,
        tls: Type.Optional(Type.Object(identity, closed)),
        /**
         * Seconds after SIGTERM in which requests are still answered while `/readyz` returns 503. It must be longer than a load
         * balancer needs to notice. Default: 5, in development 0.25.
         */
        drainSeconds: Type.Optional(Type.Number({ minimum: 0, maximum: 300 })),
      },
      closed,
    ),
    /** A second listener that requests client certificates (RFC 8705) and serves the same interfaces. */
    mutualTls: Type.Optional(
      Type.Object(
        {
          /** The base URL of this listener for clients; the issuer is the base URL of the main listener. */
          baseUrl: Type.String({ pattern: '^https://[^/?#]+$', maxLength: 256 }),
          listen: Type.Object(address, closed),
          ...identity,
          /**
           * PEM of the authorities that issue client certificates. Without it, only registered self-signed certificates are
           * accepted.
           */
          clientAuthorities: Type.Optional(secretReference),
          /**
           * Proxies that may forward client certificates (RFC 9440), identified by the x5t#S256 thumbprint of their own
           * certificate.
           */
          proxies: Type.Optional(
            Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }), { maxItems: 16, uniqueItems: true }),
          ),
        },
        closed,
      ),
    ),
    /** The region where opaque tokens are stored and resolved. Default: `default`. */
    region: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' })),
    /** The folder of the embedded database, the key files and the secret of the database roles. */
    dataFolder: Type.String({ minLength: 1, maxLength: 1024 }),
    /**
     * The URL of an external PostgreSQL instead of the embedded one. A process of a split installation omits user and password
     * and connects as the roles of its components.
     */
    databaseUrl: Type.Optional(secretReference),
    /**
     * Number of processes that share the database; in a split installation, the number for each group. It determines the
     * connection limit of each role. Default: 2.
     */
    databaseProcesses: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    /** 32 bytes as base64url that encrypt signing keys at rest. A process of a split installation has the key of its group. */
    keyEncryptionKey: secretReference,
    /** The origin of the log in its checkpoints: a schema-less URL that no other log ever uses. */
    logOrigin: Type.String({ pattern: '^[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+)+$', maxLength: 200 }),
    logLevel: Type.Union([
      Type.Literal('trace'),
      Type.Literal('debug'),
      Type.Literal('info'),
      Type.Literal('warn'),
      Type.Literal('error'),
    ]),
    /** The institution that runs this control plane. */
    operator: Type.Object(
      {
        lei: Type.String({ minLength: 20, maxLength: 20 }),
        name: Type.String({ minLength: 1, maxLength: 200 }),
        country: Type.String({ minLength: 2, maxLength: 2 }),
        /** Public keys of the `countersign` command, with which the operator configures everything else. */
        jwks,
        /** Keys of a second command, held by another person, who approves changes to production. */
        approver: Type.Optional(Type.Object({ jwks }, closed)),
        /** Keys of a third command, held by compliance. It can only record findings about institutions. */
        compliance: Type.Optional(Type.Object({ jwks }, closed)),
        /** The first people who govern the installation. At startup the server writes each a link to enrol a key. */
        founders: Type.Optional(
          Type.Array(
            Type.Object(
              {
                id: Type.String({ pattern: '^person:[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$' }),
                roles: Type.Array(Type.Enum(['operator', 'approver', 'compliance', 'auditor']), {
                  minItems: 1,
                  uniqueItems: true,
                }),
              },
              closed,
            ),
            { minItems: 1, maxItems: 16 },
          ),
        ),
      },
      closed,
    ),
    accessTokenLifetimeSeconds: Type.Integer({ minimum: 30, maximum: 300 }),
    keys: Type.Optional(
      Type.Object(
        {
          /** Days for which a token key signs. Default: 90. */
          rotateEveryDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
          /** Age in days at which a key whose rotation fails refuses to sign. Default: twice `rotateEveryDays`. */
          signAtMostDays: Type.Optional(Type.Integer({ minimum: 2, maximum: 730 })),
          /** Maximum age in days of a registered client key; older keys are rejected. Default: 365. */
          clientKeyMaxAgeDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
          /** Days before that limit from which a warning is recorded. Default: 30. */
          clientKeyWarnDays: Type.Optional(Type.Integer({ minimum: 0, maximum: 365 })),
          /**
           * Age in days at which people must have replaced a key that does not rotate by itself: the log's, and those of issuing
           * authorities, which stop issuing then. Reminders start 60 days before. Default: 1,095.
           */
          replaceAfterDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 7_300 })),
          /** Hours between the publication of the log's next key and its first signature; readers and witnesses take it up meanwhile. Default: 24. */
          logKeyLeadHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 8_760 })),
          ...keyCustodySettings,
        },
        closed,
      ),
    ),
    /** Whether a DPoP proof must contain a server-provided nonce (RFC 9449 section 8). Default: `optional`. */
    dpopNonce: Type.Optional(Type.Union([Type.Literal('optional'), Type.Literal('required')])),
    /** Who may register clients by RFC 7591, and with which metadata. The authorization server's README gives the default. */
    registration: Type.Optional(registrationPolicySchema),
    scim: Type.Optional(
      Type.Object(
        {
          /**
           * Roles that an institution's own systems may assign by SCIM. Roles that bind the institution or approve must be
           * listed here first.
           */
          assignableRoles: Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), {
            maxItems: 64,
            uniqueItems: true,
          }),
        },
        closed,
      ),
    ),
    /** Set in a process that runs the components of one group; absent where one process runs all of them. */
    process: Type.Optional(processSchema),
    publication: Type.Optional(evidenceSchemas.publication),
    clock: Type.Optional(evidenceSchemas.clock),
    timeStamps: Type.Optional(evidenceSchemas.timeStamps),
    signIn: Type.Optional(peopleSchemas.signIn),
    risk: Type.Optional(peopleSchemas.risk),
    devices: Type.Optional(peopleSchemas.devices),
    notices: Type.Optional(peopleSchemas.notices),
    recovery: Type.Optional(peopleSchemas.recovery),
    breakGlass: Type.Optional(peopleSchemas.breakGlass),
    approvals: Type.Optional(peopleSchemas.approvals),
    addressBook: Type.Optional(peopleSchemas.addressBook),
    /** Outside parties that are asked or trusted when workloads are attested. */
    workloads: Type.Optional(
      Type.Object(
        {
          clusters: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  name: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
                  apiServer: Type.String({ pattern: '^https?://[^/?#]+$' }),
                  /** Audience of the projected tokens. */
                  audience: Type.String({ minLength: 1, maxLength: 512 }),
                  /** Token of an account that may create token reviews and read pods. */
                  credential: secretReference,
                  /** PEM of the authorities of the API server. */
                  authorities: Type.Optional(secretReference),
                },
                closed,
              ),
              { maxItems: 32 },
            ),
          ),
          ciIssuers: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  issuer: Type.String({ minLength: 1, maxLength: 512 }),
                  /** Address of the JWK set. */
                  keys: Type.String({ pattern: '^https?://' }),
                  authorities: Type.Optional(secretReference),
                },
                closed,
              ),
              { maxItems: 32 },
            ),
          ),
          /** Verifiers of hardware evidence; `keys` is a JWK set. */
          resultVerifiers: Type.Optional(
            Type.Array(
              Type.Object({ issuer: Type.String({ minLength: 1, maxLength: 512 }), keys: secretReference }, closed),
              { maxItems: 8 },
            ),
          ),
        },
        closed,
      ),
    ),
    certificates: Type.Optional(
      Type.Object(
        {
          /** DNS names of the installation's hosts; a leading dot means every name below the domain. Default: the issuer's host. */
          hosts: Type.Optional(
            Type.Array(Type.String({ pattern: '^\\.?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$' }), {
              minItems: 1,
              maxItems: 64,
              uniqueItems: true,
            }),
          ),
          /** Hours for which an approved authority is published before it signs. Default: 24; 0 in development. */
          publishBeforeUseHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 720 })),
        },
        closed,
      ),
    ),
    /** Databases whose credentials are leased, and limits of leases. */
    secrets: Type.Optional(
      Type.Object(
        {
          databases: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  name: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
                  /** URL of a role that may create roles and has the leased roles with ADMIN OPTION. */
                  url: secretReference,
                  /** PEM of the authorities of the server's certificate. Required but for a loopback address. */
                  authorities: Type.Optional(secretReference),
                },
                closed,
              ),
              { maxItems: 32 },
            ),
          ),
          /** Leases that one holder may have at the same time. Default: 20. */
          leasesPerHolder: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
          /** Leases of one role at the same time. Default: 1,000. */
          leasesPerRole: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
        },
        closed,
      ),
    ),
    amounts: Type.Optional(
      Type.Object(
        {
          /** ISO 4217. Reference data has a rate from every other currency into it. Default: EUR. */
          baseCurrency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
          /**
           * Maximum age of an exchange rate in hours; older rates are ignored. The default of 96 covers weekends, which have no
           * fixings.
           */
          rateMaxAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 336 })),
        },
        closed,
      ),
    ),
    /** Draft specifications. Each is off unless its implemented revision is named. */
    features: Type.Optional(
      Type.Object(
        {
          /** draft-ietf-oauth-transaction-tokens */
          transactionTokens: Type.Optional(Type.Literal('draft-10')),
          /** draft-ietf-oauth-identity-chaining */
          identityChaining: Type.Optional(Type.Literal('draft-17')),
          /** Grant Management for OAuth 2.0 */
          grantManagement: Type.Optional(Type.Literal('draft-03')),
        },
        closed,
      ),
    ),
    /** The trust domains and workloads for which transaction tokens are issued. Default: the operator's own. */
    trustDomains: Type.Optional(
      Type.Array(Type.Object({ name: Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' }), institutions }, closed), {
        maxItems: 16,
      }),
    ),
    /**
     * The authorization servers that receive identity chaining grants, and the institutions whose people may be named to each.
     * Default: none.
     */
    chainedIssuers: Type.Optional(
      Type.Array(
        Type.Object({ issuer: Type.String({ pattern: '^https?://[^?#]+$', maxLength: 512 }), institutions }, closed),
        {
          maxItems: 16,
        },
      ),
    ),
  },
  closed,
);

type Written = Static<typeof configurationSchema>;
type WrittenKeys = NonNullable<Written['keys']>;

export type Configuration = Readonly<
  Written & {
    readonly region: string;
    readonly dpopNonce: 'optional' | 'required';
    readonly keys: WrittenKeys &
      Required<
        Pick<
          WrittenKeys,
          | 'rotateEveryDays'
          | 'signAtMostDays'
          | 'replaceAfterDays'
          | 'clientKeyMaxAgeDays'
          | 'clientKeyWarnDays'
          | 'driver'
        >
      >;
    readonly features: NonNullable<Written['features']>;
    readonly amounts: Required<NonNullable<Written['amounts']>>;
  }
>;

/** The configuration of a process that runs the components of one group. */
export type GroupConfiguration = Configuration & { readonly process: NonNullable<Configuration['process']> };

export function isOfGroup(configuration: Configuration): configuration is GroupConfiguration {
  return configuration.process !== undefined;
}

/**
 * Parses a configuration and rejects settings that are unsafe outside development.
 *
 * @throws CodedError `configuration_invalid`, `configuration_unsafe`
 */
export function readConfiguration(input: unknown): Configuration {
  const written = parseConfiguration(configurationSchema, input);
  const rotateEveryDays = written.keys?.rotateEveryDays ?? 90;
  const configuration: Configuration = Object.freeze({
    region: 'default',
    dpopNonce: 'optional',
    features: Object.freeze({}),
    ...written,
    amounts: Object.freeze({
      baseCurrency: defaultCounting.base,
      rateMaxAgeHours: defaultCounting.rateMaxAgeHours,
      ...written.amounts,
    }),
    keys: Object.freeze({
      ...{ rotateEveryDays, signAtMostDays: 2 * rotateEveryDays, replaceAfterDays: 1_095 },
      ...{ clientKeyMaxAgeDays: 365, clientKeyWarnDays: 30, driver: 'software' as const },
      ...written.keys,
    }),
  });
  const contradictions = contradictionsIn(configuration);
  if (contradictions.length > 0) throw refused('configuration_invalid', contradictions);
  const unsafe = unsafeSettings(configuration);
  if (unsafe.length > 0) throw refused('configuration_unsafe', unsafe);
  return configuration;
}

function contradictionsIn(configuration: Configuration): readonly string[] {
  const { issuer, mutualTls, keys, operator, listen, process: own, databaseUrl } = configuration;
  const problems: string[] = [];
  if (own !== undefined) {
    if (databaseUrl === undefined)
      problems.push('databaseUrl: a process of one group needs a PostgreSQL of your own, which all processes share');
    const mutual = mutualTls === undefined ? [] : [{ setting: 'mutualTls.listen', ...mutualTls.listen }];
    problems.push(...processContradictions(own, [{ setting: 'listen', ...listen }, ...mutual]));
  }
  if (mutualTls?.baseUrl === issuer) problems.push('mutualTls.baseUrl: must be another address than the issuer');
  if (mutualTls?.listen.host === listen.host && mutualTls.listen.port === listen.port && listen.port !== 0)
    problems.push('mutualTls.listen: must be another port than listen');
  if (keys.clientKeyWarnDays >= keys.clientKeyMaxAgeDays)
    problems.push('keys.clientKeyWarnDays: must be less than clientKeyMaxAgeDays');
  if (keys.signAtMostDays <= keys.rotateEveryDays)
    problems.push('keys.signAtMostDays: must be more than rotateEveryDays');
  if (keys.pkcs11 === undefined && [keys.driver, ...Object.values(keys.drivers ?? {})].includes('pkcs11'))
    problems.push('keys.pkcs11: name the module, the token and the PIN of the keys whose driver is pkcs11');
  const founders = (operator.founders ?? []).map(({ id }) => id);
  if (new Set(founders).size < founders.length) problems.push('operator.founders: names somebody twice');
  // Two people who share a key count as one person. Thumbprints compare keys independently of their encoding.
  const holders = new Map<string, string>();
  for (const [name, keys] of [
    ['operator.jwks', operator.jwks.keys],
    ['operator.approver.jwks', operator.approver?.jwks.keys ?? []],
    ['operator.compliance.jwks', operator.compliance?.jwks.keys ?? []],
  ] as const)
    for (const [index, jwk] of keys.entries()) {
      const key = readKey(jwk);
      if (typeof key !== 'string') problems.push(`${name}.keys[${index}]: ${key.detail}`);
      else if ((holders.get(key) ?? name) !== name)
        problems.push(`${name}: must not hold a key of ${holders.get(key) ?? ''}`);
      else holders.set(key, name);
    }
  return problems;
}

/** The RFC 7638 thumbprint of a key, or the error that explains why the key is invalid. */
function readKey(jwk: unknown): string | CodedError {
  try {
    return importVerificationKey(jwk).thumbprint;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

function unsafeSettings(configuration: Configuration): readonly string[] {
  const { environment, issuer, mutualTls, listen, databaseUrl, operator, addressBook } = configuration;
  if (environment === 'development')
    return [
      ['issuer', issuer],
      ['mutualTls.baseUrl', mutualTls?.baseUrl ?? issuer],
    ].flatMap(([name = '', url = '']) =>
      isLoopback(new URL(url).hostname)
        ? []
        : [
            `${name}: development runs on loopback only, not as ${new URL(url).hostname}; set environment to production`,
          ],
    );
  const problems: string[] = [];
  if (!issuer.startsWith('https:')) problems.push('issuer: must be https outside development');
  if (listen.tls === undefined && !isLoopback(listen.host))
    problems.push('listen: plain HTTP is for a proxy on this machine; listen on loopback or set listen.tls');
  if (databaseUrl === undefined) problems.push('databaseUrl: name a PostgreSQL of your own outside development');
  if (operator.approver === undefined)
    problems.push('operator.approver: a second person must approve what changes production; name their keys');
  const governing = (operator.founders ?? []).filter(({ roles }) =>
    roles.some((role) => role === 'operator' || role === 'approver'),
  );
  if (governing.length < 2)
    problems.push(
      'operator.founders: name two people at least who have the role operator or approver; they govern this installation, and software does not',
    );
  if (addressBook?.coolingOffHours === 0)
    problems.push('addressBook.coolingOffHours: outside development somebody must have an hour at least to notice');
  return problems;
}

/** Accepts the host as written in a URL or in a listen address. */
function isLoopback(host: string): boolean {
  return ['localhost', '127.0.0.1', '::1', '[::1]'].includes(host);
}

function refused(code: 'configuration_invalid' | 'configuration_unsafe', problems: readonly string[]): Error {
  return new CodedError({
    code,
    category: 'invalid',
    detail: `The configuration ${code === 'configuration_unsafe' ? 'must not run as it is' : 'contradicts itself'}: ${problems.join('; ')}.`,
  });
}
