import { registrationPolicySchema } from '@countersign/authorization-server';
import { CodedError } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { defaultCounting } from '@countersign/policy-engine';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import { evidenceSchemas } from './evidence-configuration.ts';
import { peopleSchemas } from './people-configuration.ts';
import { processContradictions, processSchema } from './process-configuration.ts';

const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const closed = { additionalProperties: false };
const address = {
  host: Type.String({ minLength: 1, maxLength: 256 }),
  port: Type.Integer({ minimum: 0, maximum: 65_535 }),
  /** What records call the network that it is for; `main` and `mutual-tls` when left out. */
  zone: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' })),
};
/** PEM, by reference: the certificate with what leads to its authority, and its key. */
const identity = { certificate: secretReference, key: secretReference };
const jwks = Type.Object({
  keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 8 }),
});

/** By LEI. */
const institutions = Type.Array(Type.String({ minLength: 20, maxLength: 20 }), {
  minItems: 1,
  maxItems: 64,
  uniqueItems: true,
});

/** Everything a control plane is told. Secrets are named (`file:` or `env:`), never written here. */
export const configurationSchema = Type.Object(
  {
    /** `development` allows plain HTTP on loopback and an embedded database; nothing else may. */
    environment: Type.Union([Type.Literal('development'), Type.Literal('production')]),
    /** Issuer identifier and base of every address; what clients and proofs name us by. */
    issuer: Type.String({ pattern: '^https?://[^/?#]+$', maxLength: 256 }),
    listen: Type.Object(
      {
        ...address,
        tls: Type.Optional(Type.Object(identity, closed)),
        /**
         * For so long after SIGTERM everything is still answered, while `/readyz` says 503: longer than a load balancer takes to notice. 5
         * when left out, in development 0.25.
         */
        drainSeconds: Type.Optional(Type.Number({ minimum: 0, maximum: 300 })),
      },
      closed,
    ),
    /** A second listener that asks for client certificates (RFC 8705), with the same interfaces. */
    mutualTls: Type.Optional(
      Type.Object(
        {
          /** Its address for clients, as the issuer is that of the other. */
          baseUrl: Type.String({ pattern: '^https://[^/?#]+$', maxLength: 256 }),
          listen: Type.Object(address, closed),
          ...identity,
          /** PEM of the authorities that vouch for clients; without it only self-signed registered certificates serve. */
          clientAuthorities: Type.Optional(secretReference),
          /** Proxies that may pass client certificates on (RFC 9440), by the thumbprint of their own: x5t#S256. */
          proxies: Type.Optional(
            Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }), { maxItems: 16, uniqueItems: true }),
          ),
        },
        closed,
      ),
    ),
    /** Where opaque tokens are kept and resolved; `default` when left out. */
    region: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' })),
    /** Folder of the embedded database, the key files and the roles' secret. */
    dataFolder: Type.String({ minLength: 1, maxLength: 1024 }),
    /** Your own PostgreSQL instead of the embedded one. In a process of its own without user and password: it has its roles'. */
    databaseUrl: Type.Optional(secretReference),
    /**
     * Processes that share the database, in a split installation those of each group; 2 when left out. The connections that a role
     * may open follow from it.
     */
    databaseProcesses: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    /** 32 bytes as base64url; encrypts signing keys at rest. In a process of its own: those of its group. */
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
        jwks,
        /** Keys of a second command, held by somebody else: it approves what changes production. */
        approver: Type.Optional(Type.Object({ jwks }, closed)),
        /** Keys of a third, held by compliance: it records what is found of firms, and nothing else. */
        compliance: Type.Optional(Type.Object({ jwks }, closed)),
        /** People by whom it is governed from the first day; each enrols a key by a link that a start writes. */
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
          /** Our token keys sign for so long; 90 when left out. */
          rotateEveryDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
          /** A client's key is refused when it has been registered for longer; 365 when left out. */
          clientKeyMaxAgeDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
          /** Days before that from which its age is recorded as a warning; 30 when left out. */
          clientKeyWarnDays: Type.Optional(Type.Integer({ minimum: 0, maximum: 365 })),
        },
        closed,
      ),
    ),
    /** Whether a DPoP proof must hold a nonce of ours (RFC 9449 section 8); `optional` when left out. */
    dpopNonce: Type.Optional(Type.Union([Type.Literal('optional'), Type.Literal('required')])),
    /** Who may register clients by RFC 7591, and for what; see the authorization server's README for the default. */
    registration: Type.Optional(registrationPolicySchema),
    scim: Type.Optional(
      Type.Object(
        {
          /**
           * Roles that a firm's own systems may give by SCIM. Those that bind the institution or approve need to be
           * named here before they can be.
           */
          assignableRoles: Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), {
            maxItems: 64,
            uniqueItems: true,
          }),
        },
        closed,
      ),
    ),
    /** In a process that runs the components of one group; left out where one process runs them all. */
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
    /** In what thresholds and limits count. */
    amounts: Type.Optional(
      Type.Object(
        {
          /** ISO 4217; EUR when left out. Reference data has a rate of every other currency into it. */
          baseCurrency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
          /** A rate that was fixed longer ago counts for nothing; 96 when left out: weekends have no fixings. */
          rateMaxAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 336 })),
        },
        closed,
      ),
    ),
    /** Drafts, off unless the revision that is implemented is named. */
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
    /** For which trust domains, and whose workloads, transaction tokens are issued; the operator's own when left out. */
    trustDomains: Type.Optional(
      Type.Array(Type.Object({ name: Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' }), institutions }, closed), {
        maxItems: 16,
      }),
    ),
    /** To which authorization servers grants of identity chaining go, and of whose people they may tell; none when left out. */
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

/** What was written, with every default in its place. */
export type Configuration = Readonly<
  Written & {
    readonly region: string;
    readonly dpopNonce: 'optional' | 'required';
    readonly keys: Required<NonNullable<Written['keys']>>;
    readonly features: NonNullable<Written['features']>;
    readonly amounts: Required<NonNullable<Written['amounts']>>;
  }
>;

/** The configuration of a process that has the components of one group. */
export type GroupConfiguration = Configuration & { readonly process: NonNullable<Configuration['process']> };

export function isOfGroup(configuration: Configuration): configuration is GroupConfiguration {
  return configuration.process !== undefined;
}

/**
 * Parses a configuration and refuses what must not run outside development.
 *
 * @throws CodedError `configuration_invalid`, `configuration_unsafe`
 */
export function readConfiguration(input: unknown): Configuration {
  const written = parseConfiguration(configurationSchema, input);
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
    keys: Object.freeze({ rotateEveryDays: 90, clientKeyMaxAgeDays: 365, clientKeyWarnDays: 30, ...written.keys }),
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
  const founders = (operator.founders ?? []).map(({ id }) => id);
  if (new Set(founders).size < founders.length) problems.push('operator.founders: names somebody twice');
  // Two people with one key are one person, however the key is written.
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

/** The RFC 7638 thumbprint of a key, or why it is none. */
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

/** As a URL or an address writes it. */
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
