import type { Directory } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, leiOf, type MemoryLog } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from './index.ts';

const by = { id: 'service:operator' };
const [broker, other] = [leiOf('529900BROKER'), leiOf('529900OTHER')];
const issuer = 'https://idp.broker.example';
/** Every institution exists and has its LEI. */
const directory = {
  snapshot: () => ({ institution: (lei: string) => ({ lei, leiStatus: 'ISSUED' }) }),
} as unknown as Directory;
const profile = (change: object = {}) => ({
  institution: broker,
  issuer,
  jwksUri: `${issuer}/jwks.json`,
  algorithms: ['ES256'],
  maxLifetimeSeconds: 120,
  requiredClaims: ['department'],
  acrValues: ['phr'],
  maxAuthenticationAgeSeconds: 3600,
  ...change,
});

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of the trust registry', () => {
  let database: ScratchDatabase;
  let thief: pg.Pool;
  let log: MemoryLog;
  const clock = fixedClock(Date.UTC(2026, 10, 21));
  const opened: TrustRegistryComponent[] = [];

  async function node(): Promise<TrustRegistryComponent> {
    const [component] = database.components;
    if (component === undefined) throw new Error('no component');
    const { role, schema } = component;
    const registry = await createTrustRegistry({
      pool: database.pool('trust-registry'),
      access: { database: database.database, role, schema, applicationName: 'trust-registry' },
      ...{ clock, random: systemRandom, audit: log, directory },
      logger: createLogger({ level: 'silent', name: 'test' }),
      pollMs: 20,
    });
    opened.push(registry);
    return registry;
  }
  const contradictions = () => log.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

  beforeEach(async () => {
    database = await createTestDatabase({ components: [trustRegistryMigrations] });
    thief = database.pool('trust-registry');
    log = createMemoryLog(clock);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((registry) => registry.stop()));
    await database.drop();
  });

  it('cannot have an issuer trusted, nor their own key set for a trusted one', async () => {
    const registered = await (await node()).install(profile(), by);
    await thief.query(`insert into issuers values ('https://evil.example', 'prf_evil', $1)`, [broker]);
    await thief.query(
      `insert into profile_versions
       select 'prf_evil', 1, profile || '{"issuer":"https://evil.example","jwksUri":"https://evil.example/jwks"}', 'rec_1', now()
         from profile_versions`,
    );
    await thief.query(
      `insert into profile_versions
       select profile_id, 2, profile || '{"jwksUri":"https://idp.broker.example/uploads/mine.json"}', 'rec_2', now()
         from profile_versions where version = 1 and profile_id <> 'prf_evil'`,
    );
    const started = await node();
    expect(await started.list()).toEqual([registered]);
    expect(new Set(contradictions()).size).toBe(2);
  });

  it('cannot weaken accepted sign-ins: algorithm, class, age or institution', async () => {
    const registered = await (await node()).install(profile(), by);
    for (const change of [
      { algorithms: ['ES256', 'EdDSA'] },
      { acrValues: ['phr', 'password'] },
      { maxAuthenticationAgeSeconds: 86_400 },
      { maxLifetimeSeconds: 300 },
      { requiredClaims: [] },
      { institution: other },
      { signIn: { clientId: 'countersign', classes: { phr: 'phrh' } } },
    ]) {
      await thief.query('update profile_versions set profile = profile || $1::jsonb', [JSON.stringify(change)]);
      expect(await (await node()).profileOf(issuer), JSON.stringify(change)).toEqual(registered);
    }
  });

  it('cannot restore an earlier profile, nor hide a newer one from a running node', async () => {
    const [one, two] = [await node(), await node()];
    await one.install(profile(), by);
    await expect.poll(async () => (await two.profileOf(issuer))?.version, { timeout: 60_000 }).toBe(1);
    const stricter = await one.install(profile({ maxAuthenticationAgeSeconds: 60 }), by);
    await thief.query('delete from profile_versions where version = 2');
    expect(await (await node()).profileOf(issuer)).toEqual(stricter);
    await expect.poll(async () => await two.profileOf(issuer), { timeout: 60_000 }).toEqual(stricter);
  });

  it('cannot move an issuer to another institution by deleting its row', async () => {
    const registry = await node();
    await registry.install(profile(), by);
    await thief.query('delete from profile_versions');
    await thief.query('delete from issuers');
    await expect(registry.install(profile({ institution: other }), by)).rejects.toMatchObject({
      code: 'issuer_taken',
    });
    // The deleted profile can be registered again, and counts.
    const again = await registry.install(profile(), by);
    expect(await (await node()).profileOf(issuer)).toEqual(again);
  });

  it('cannot keep a node from starting by a malformed row', async () => {
    const registered = await (await node()).install(profile(), by);
    await thief.query(`insert into issuers values ('x', 'prf_x', 'x')`);
    await thief.query(`insert into profile_versions values ('prf_x', 1, '"nothing"', 'rec_x', now())`);
    expect(await (await node()).list()).toEqual([registered]);
  });
});
