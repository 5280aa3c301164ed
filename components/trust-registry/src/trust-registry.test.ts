import {
  type Actor,
  accessErrors,
  type Directory,
  type RecordDraft,
  type TrustProfileInput,
} from '@countersign/contracts';
import { CodedError, systemRandom } from '@countersign/kernel';
import { type Lei, parseLei } from '@countersign/market';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, type MemoryLog } from '@countersign/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTrustRegistry,
  type TrustRegistryComponent,
  trustRegistryMigrations,
  trustRegistryRoutes,
} from './index.ts';

const by: Actor = { id: 'service:operator' };
const logger = createLogger({ level: 'silent', name: 'test' });

/** The LEI with this prefix and its check digits (ISO 17442). */
function lei(beginning: string): Lei {
  const first18 = beginning.padEnd(18, '0');
  const digits = [...`${first18}00`].map((character) => Number.parseInt(character, 36)).join('');
  const parsed = parseLei(first18 + String(98n - (BigInt(digits) % 97n)).padStart(2, '0'));
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.value;
}

const broker = lei('529900BROKER');
const lapsed = lei('529900LAPSED');
const clearer = lei('529900CLEARER');

/** All that the registry reads of a directory. */
const institutions = new Map<string, 'ISSUED' | 'LAPSED'>([
  [broker, 'ISSUED'],
  [clearer, 'ISSUED'],
  [lapsed, 'LAPSED'],
]);
const directory = {
  snapshot: () => ({
    institution: (id: string) => {
      const leiStatus = institutions.get(id);
      return leiStatus === undefined ? undefined : { lei: id, name: 'x', country: 'DE', leiStatus };
    },
  }),
} as unknown as Directory;

function profile(changes: Partial<Record<keyof TrustProfileInput, unknown>> = {}) {
  return {
    institution: broker,
    issuer: 'https://idp.broker.example',
    jwksUri: 'https://idp.broker.example/jwks.json',
    algorithms: ['ES256'],
    maxLifetimeSeconds: 120,
    requiredClaims: ['department'],
    acrValues: ['phr', 'phrh'],
    maxAuthenticationAgeSeconds: 3600,
    ...changes,
  };
}

const clock = fixedClock(Date.UTC(2026, 10, 21));
let scratch: ScratchDatabase;
let opened: TrustRegistryComponent[];
let log: MemoryLog;
let records: readonly RecordDraft[];

beforeEach(async () => {
  scratch = await createTestDatabase({ components: [trustRegistryMigrations] });
  opened = [];
  log = createMemoryLog(clock);
  records = log.drafts;
});
afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.stop()));
  await scratch.drop();
});

async function open(
  options: { allowInsecureLoopback?: boolean; pollMs?: number } = {},
): Promise<TrustRegistryComponent> {
  const [component] = scratch.components;
  if (component === undefined) throw new Error('no component');
  const registry = await createTrustRegistry({
    pool: scratch.pool('trust-registry'),
    access: {
      database: scratch.database,
      role: component.role,
      schema: component.schema,
      applicationName: 'trust-registry',
    },
    clock,
    random: systemRandom,
    audit: log,
    logger,
    directory,
    ...options,
  });
  opened.push(registry);
  return registry;
}

async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

function problemPaths(error: CodedError): readonly string[] {
  const problems = (error.facts?.['problems'] ?? []) as readonly { readonly path: string }[];
  return problems.map(({ path }) => path);
}

describe('registering a profile', () => {
  it('makes it available, with its record', async () => {
    const registry = await open();
    const registered = await registry.install(profile(), by);
    expect(registered).toMatchObject({
      ...profile(),
      version: 1,
      id: expect.stringMatching(/^prf_/),
      recordId: records[0]?.id,
    });
    expect(await registry.profileOf('https://idp.broker.example')).toEqual(registered);
    expect(await registry.profileOf('https://idp.broker.example/')).toBeUndefined();
    expect(records).toMatchObject([
      {
        type: 'partner.profile-registered',
        source: 'trust-registry',
        outcome: 'done',
        subject: by,
        data: { profile: { issuer: registered.issuer, version: 1 } },
      },
    ]);
  });

  it('makes a new version when something differs, and keeps the previous one', async () => {
    const registry = await open();
    const first = await registry.install(profile(), by);
    const second = await registry.install(profile({ maxLifetimeSeconds: 60 }), by);
    expect(second).toMatchObject({ id: first.id, version: 2, maxLifetimeSeconds: 60 });
    const { rows } = await scratch
      .pool('trust-registry')
      .query('select version, profile from profile_versions order by version');
    expect(rows).toMatchObject([
      { version: 1, profile: { maxLifetimeSeconds: 120 } },
      { version: 2, profile: { maxLifetimeSeconds: 60 } },
    ]);
  });

  it('makes no new version for the same profile, in whatever order its lists are', async () => {
    const registry = await open();
    const first = await registry.install(profile(), by);
    expect(await registry.install(profile({ acrValues: ['phrh', 'phr'] }), by)).toEqual(first);
    expect(records).toHaveLength(1);
  });

  it('numbers concurrent versions in sequence on two nodes', async () => {
    const [one, two] = [await open(), await open()];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? one : two).install(profile({ maxLifetimeSeconds: 100 + index }), by),
      ),
    );
    const { rows } = await scratch
      .pool('trust-registry')
      .query<{ version: number }>('select version from profile_versions order by version');
    expect(rows.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await expect.poll(async () => (await one.profileOf('https://idp.broker.example'))?.version).toBe(10);
    await expect.poll(async () => await two.list()).toEqual(await one.list());
  });

  it('changes nothing when the record cannot be written', async () => {
    const registry = await open();
    log.breakDown('writing');
    expect((await refusalOf(registry.install(profile(), by))).code).toBe('log_unavailable');
    expect(await registry.profileOf('https://idp.broker.example')).toBeUndefined();
    log.repair();
    // The failed attempt did not reserve the issuer either.
    expect((await registry.install(profile({ institution: clearer }), by)).version).toBe(1);
  });

  it('refuses an issuer that belongs to another institution, and records the refusal', async () => {
    const registry = await open();
    await registry.install(profile(), by);
    expect((await refusalOf(registry.register(profile({ institution: clearer }), by, 'Why not'))).code).toBe(
      'issuer_taken',
    );
    expect(records.at(-1)).toMatchObject({
      type: 'access.refused',
      outcome: 'deny',
      reason: 'issuer_taken',
      subject: by,
    });
    expect((await registry.profileOf('https://idp.broker.example'))?.institution).toBe(broker);
  });

  it('refuses an institution that is unknown, or whose LEI has lapsed', async () => {
    const registry = await open();
    expect(
      (await refusalOf(registry.register(profile({ institution: lei('529900NOBODY') }), by, 'Why not'))).code,
    ).toBe('partner_institution_unknown');
    expect((await refusalOf(registry.register(profile({ institution: lapsed }), by, 'Why not'))).code).toBe(
      'partner_institution_not_issued',
    );
    expect(records).toMatchObject([{ type: 'access.refused', reason: 'partner_institution_not_issued' }]);
  });
});

describe('an invalid profile', () => {
  const issuer = 'https://idp.broker.example';
  const cases: readonly (readonly [string, string, Partial<Record<string, unknown>>])[] = [
    ['an unknown key', '/trusted', { trusted: true }],
    ['an LEI with a typing error', '/institution', { institution: `${broker.slice(0, 18)}00` }],
    ['plain http', '/issuer', { issuer: 'http://idp.broker.example', jwksUri: 'http://idp.broker.example/jwks' }],
    ['another scheme', '/issuer', { issuer: 'file:///etc/passwd' }],
    ['an issuer with a query', '/issuer', { issuer: `${issuer}?x=1` }],
    ['an issuer with a fragment', '/issuer', { issuer: `${issuer}#x` }],
    ['an issuer with a user', '/issuer', { issuer: 'https://user@idp.broker.example' }],
    ['an issuer in another spelling', '/issuer', { issuer: 'https://IDP.broker.example' }],
    ['an issuer with dots in its path', '/issuer', { issuer: `${issuer}/a/../b` }],
    ['a key set elsewhere', '/jwksUri', { jwksUri: 'https://keys.example/jwks.json' }],
    ['a key set on another port', '/jwksUri', { jwksUri: 'https://idp.broker.example:8443/jwks.json' }],
    ['a key set over http', '/jwksUri', { jwksUri: 'http://idp.broker.example/jwks.json' }],
    ['this machine', '/issuer', { issuer: 'https://localhost', jwksUri: 'https://localhost/jwks' }],
    [
      'this machine with a trailing point',
      '/issuer',
      { issuer: 'https://localhost.', jwksUri: 'https://localhost./jwks' },
    ],
    ['this machine by number', '/issuer', { issuer: 'https://127.1.2.3', jwksUri: 'https://127.1.2.3/jwks' }],
    [
      'a cloud metadata address',
      '/issuer',
      { issuer: 'https://169.254.169.254', jwksUri: 'https://169.254.169.254/latest' },
    ],
    [
      'an address of version 6',
      '/issuer',
      { issuer: 'https://[::ffff:10.0.0.1]', jwksUri: 'https://[::ffff:10.0.0.1]/jwks' },
    ],
    ['an unknown algorithm', '/algorithms/0', { algorithms: ['RS256'] }],
    ['no algorithm', '/algorithms', { algorithms: [] }],
    ['a long lifetime', '/maxLifetimeSeconds', { maxLifetimeSeconds: 301 }],
    ['no lifetime', '/maxLifetimeSeconds', { maxLifetimeSeconds: 0 }],
    ['no authentication class', '/acrValues', { acrValues: [] }],
    ['an empty authentication class', '/acrValues/0', { acrValues: [''] }],
    ['an empty claim name', '/requiredClaims/0', { requiredClaims: [''] }],
    ['a sign-in without a client', '/signIn', { signIn: { classes: {} } }],
    [
      'what a class is worth that it does not accept',
      '/signIn/classes',
      { signIn: { clientId: 'countersign', classes: { password: 'phr' } } },
    ],
  ];
  it.each(cases)('is refused for %s', async (_name, path, changes) => {
    const registry = await open();
    const error = await refusalOf(registry.register(profile(changes), by, 'Why not'));
    expect(error.code).toBe('profile_invalid');
    expect(problemPaths(error)).toContain(path);
    expect(await registry.list()).toEqual([]);
  });

  it('always fails with a coded error', async () => {
    const registry = await open();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ issuer: fc.webUrl(), jwksUri: fc.string() }).map((changes) => profile(changes)),
        ),
        async (input) => {
          expect((await refusalOf(registry.register(input, by, 'Why not'))).code).toBe('profile_invalid');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('may be on this machine if the configuration allows it', async () => {
    const registry = await open({ allowInsecureLoopback: true });
    const local = { issuer: 'http://127.0.0.1:8123', jwksUri: 'http://127.0.0.1:8123/jwks' };
    expect((await registry.install(profile(local), by)).version).toBe(1);
    const elsewhere = { issuer: 'http://idp.broker.example', jwksUri: 'http://idp.broker.example/jwks' };
    expect((await refusalOf(registry.install(profile(elsewhere), by))).code).toBe('profile_invalid');
  });
});

describe('two nodes on one database', () => {
  it('see each other’s profiles by notification, and by polling when it is lost', async () => {
    const one = await open();
    const notified = await open({ pollMs: 3_600_000 });
    const registered = await one.install(profile(), by);
    await expect.poll(() => notified.profileOf(registered.issuer), { timeout: 60_000 }).toEqual(registered);
    const late = await open();
    expect(await late.list()).toEqual([registered]);
  });
});

describe('the routes of the registry', () => {
  it('register and list profiles in their exchange format', async () => {
    const registry = await open();
    const app = createHttpServer({ logger, metrics: createMetrics() });
    trustRegistryRoutes(app, {
      trustRegistry: registry,
      baseUrl: 'https://countersign.example',
      guard: {
        async check({ authorization }, { scope }) {
          if (authorization[0] !== `DPoP ${scope}`) throw accessErrors.error('token_missing', 'no token');
          return {
            subject: 'service:operator',
            client: 'operator',
            institution: broker,
            actors: [],
            scope: [scope],
            tokenId: 't',
            authorizationDetails: [],
          };
        },
      },
    });
    const headers = { authorization: 'DPoP partner:register' };
    const { jwksUri, maxLifetimeSeconds, requiredClaims, acrValues, maxAuthenticationAgeSeconds, ...same } = profile();
    const body = {
      ...same,
      sign_in: { client_id: 'countersign', classes: { phrh: 'phr' } },
      jwks_uri: jwksUri,
      max_lifetime_seconds: maxLifetimeSeconds,
      required_claims: requiredClaims,
      acr_values: acrValues,
      max_authentication_age_seconds: maxAuthenticationAgeSeconds,
    };
    const signIn = { clientId: 'countersign', classes: { phrh: 'phr' } };
    const installed = await registry.install(profile({ maxLifetimeSeconds: 300, signIn }), by);
    const payload = { profile: body, reason: 'shorter' };
    const answer = await app.inject({ method: 'POST', url: '/partners/profiles', payload, headers });
    expect(answer.json()).toMatchObject({ ...body, version: 2, record: records[1]?.id });
    expect(records[1]?.subject).toEqual({ id: 'service:operator', institution: broker });
    expect((await registry.list())[0]?.signIn).toEqual(signIn);
    expect((await app.inject({ url: '/partners/profiles', headers })).json().profiles).toEqual([answer.json()]);
    expect((await app.inject({ url: '/partners/profiles' })).statusCode).toBe(401);
    const post = async (url: string, sent: object, as: Readonly<Record<string, string>> = headers): Promise<number> =>
      (await app.inject({ method: 'POST', url, payload: sent, headers: as })).statusCode;
    for (const wrong of [body, { ...payload, x: 1 }, { profile: { ...body, x: 1 }, reason: 'x' }, { profile: body }])
      expect(await post('/partners/profiles', wrong)).toBe(400);
    const suspend = `/partners/profiles/${installed.id}/suspend`;
    expect(await post(suspend, { reason: 'stolen' }, {})).toBe(401);
    expect(await post(suspend, {})).toBe(400);
    expect(await post('/partners/profiles/prf_x/suspend', { reason: 'stolen' })).toBe(404);
    expect(await post(suspend, { reason: 'stolen' })).toBe(200);
    expect((await app.inject({ url: '/partners/profiles', headers })).json().profiles).toMatchObject([
      { version: 3, suspended: true },
    ]);
    await app.close();
  });
});
