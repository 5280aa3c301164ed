import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPurpose } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { componentPool, createKeyring, createLogger, createSingleUse, type KeyPolicy } from '@countersign/runtime';
import { createFaultyProxy } from '../faulty-proxy.ts';
import { fixedClock } from '../fixed-clock.ts';
import { createTestDatabase } from '../test-database.ts';
import { describeSigner } from './signer.ts';
import { describeSingleUse } from './single-use.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

/** A database with these tables, as for a component with its own migrations. */
async function createTables(sql: string) {
  const migrationsFolder = mkdtempSync(join(tmpdir(), 'conformance-'));
  writeFileSync(join(migrationsFolder, '0001_tables.sql'), sql);
  const component = { name: 'kept', schema: 'kept', role: 'kept', migrationsFolder, grants: 'full' } as const;
  const scratch = await createTestDatabase({ components: [component] });
  return {
    scratch,
    component,
    async drop() {
      await scratch.drop();
      rmSync(migrationsFolder, { recursive: true });
    },
  };
}

describeSingleUse('the runtime on PostgreSQL', async () => {
  const { scratch, drop } = await createTables(
    `create table single_use (key bytea primary key, expires_at timestamptz not null);
     create table forgotten_claims (claims text primary key, through timestamptz not null);
     create function forgotten_through(of_claims text) returns timestamptz language sql volatile set search_path from current as
       $$ select coalesce((select through from forgotten_claims where claims = of_claims), '-infinity'::timestamptz) $$;`,
  );
  // Behind the database clock by more than the suite advances it: an expired claim has expired by both clocks.
  const clock = fixedClock(Date.now() - 86_400_000);
  const proxy = await createFaultyProxy({ target: scratch.connection });
  const [own] = scratch.components;
  if (own === undefined) throw new Error('no component');
  const pool = () =>
    componentPool({
      database: { ...scratch.database, connection: proxy.through(scratch.connection) },
      role: own.role,
      schema: own.schema,
      applicationName: 'conformance',
    });
  const pools = [pool(), pool()] as const;
  const nodes = [
    createSingleUse({ pool: pools[0], clock, logger }),
    createSingleUse({ pool: pools[1], clock, logger }),
  ] as const;
  return {
    nodes: [...nodes],
    clock,
    breakDown: () => proxy.refuse(),
    repair: () => proxy.restore(),
    async close() {
      for (const node of nodes) await node.stop();
      for (const each of pools) await each.end();
      await proxy.close();
      await drop();
    },
  };
});

const token: KeyPolicy = { algorithm: 'ES256', publicationLeadSeconds: 600, longestSignedLifeSeconds: 300 };
const unused: KeyPolicy = { ...token, onDemand: true };
const purposes: Readonly<Record<KeyPurpose, KeyPolicy>> = {
  'access-token': token,
  'log-checkpoint': { ...token, algorithm: 'EdDSA' },
  'id-token': unused,
  'id-token-ps256': unused,
  'id-token-rs256': unused,
  'transaction-token': unused,
  'policy-bundle': unused,
  mandate: unused,
  envelope: unused,
  event: unused,
  'security-event': unused,
  'time-stamp': unused,
  'certificate-workload': unused,
  'certificate-person': unused,
  'certificate-device': unused,
  'certificate-partner': unused,
  'certificate-service': unused,
  'certificate-status': unused,
  'workload-token': unused,
};

describeSigner('the keyring on PostgreSQL', async () => {
  const { scratch, drop } = await createTables(
    `create table signing_keys (purpose text not null, generation integer not null, kid text not null unique,
       algorithm text not null, public_jwk jsonb not null, sealed_key bytea not null, published_at timestamptz not null,
       activates_at timestamptz not null, withdraws text, primary key (purpose, generation));`,
  );
  const clock = fixedClock(1_800_000_000_000);
  const signer = await createKeyring<KeyPurpose>({
    pool: scratch.pool('kept'),
    sealingKey: { bytes: systemRandom.bytes(32) },
    purposes,
    clock,
    random: systemRandom,
    logger,
  });
  return {
    signer,
    passLead: async () => clock.advance(token.publicationLeadSeconds * 1_000),
    passLongestLife: async () => clock.advance(token.longestSignedLifeSeconds * 1_000),
    async close() {
      await signer.stop();
      await drop();
    },
  };
});
