import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { authorizationServerMigrations } from '@countersign/authorization-server';
import type { KeyPurpose } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { type ComponentMigrations, createLogger, type Keyring, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, type MemoryLog } from '@countersign/testkit';
import { workloadIdentityMigrations } from '@countersign/workload-identity';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeyRecords } from './key-records.ts';
import { openComponentKeys, openTokenKeys, type RotatedKeyringDependencies } from './keys.ts';

const by = { id: 'service:countersign', institution: '529900OPERATOR000098' };
const logger = createLogger({ level: 'silent', name: 'test' });
const sealingKey = { bytes: systemRandom.bytes(32) };

const components = {
  'authorization server': {
    ...{ room: 'authorization-server', migrations: authorizationServerMigrations, purpose: 'access-token' },
    open: openTokenKeys,
  },
  'workload identity': {
    ...{ room: 'workload-identity', migrations: workloadIdentityMigrations, purpose: 'workload-token' },
    open: (dependencies) => openComponentKeys('workload-token', dependencies),
  },
} as const satisfies Readonly<Record<string, SigningComponent>>;

interface SigningComponent {
  readonly room: string;
  readonly migrations: ComponentMigrations;
  readonly purpose: KeyPurpose;
  open(dependencies: RotatedKeyringDependencies): Promise<Keyring<KeyPurpose>>;
}

/** Everything below uses a connection with the role of a component with signing keys and no other privileges. */
describe.each<[string, SigningComponent]>(Object.entries(components))(
  'with the database role of the %s, a thief',
  (_name, { room, migrations, purpose, open }) => {
    let database: ScratchDatabase;
    let thief: pg.Pool;
    let audit: MemoryLog;
    const clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
    const running: Keyring<KeyPurpose>[] = [];

    async function node() {
      const keyring = await open({
        pool: database.pool(room),
        ...{ sealingKey, clock, random: systemRandom, logger, by },
        rotateEveryDays: 90,
        records: createKeyRecords({ audit, clock, random: systemRandom }),
      });
      running.push(keyring);
      return keyring;
    }
    const kidsOf = async (keyring: Awaited<ReturnType<typeof node>>) =>
      (await keyring.publicKeys(purpose)).map(({ kid }) => kid);
    const contradictions = () => audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

    beforeAll(async () => {
      database = await createTestDatabase({ components: [migrations] });
      thief = database.pool(room);
    });
    beforeEach(async () => {
      audit = createMemoryLog(clock);
      await thief.query('delete from signing_keys');
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((keyring) => keyring.stop()));
    });
    afterAll(() => database.drop());

    it('publishes no key of their own, neither by a row nor as the public half of ours', async () => {
      const before = await node();
      const { kid } = await before.current(purpose);
      const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
      await thief.query(
        `insert into signing_keys (purpose, generation, kid, algorithm, public_jwk, sealed_key, published_at, activates_at)
       select purpose, generation + 1, 'theirs', algorithm, $1, sealed_key, published_at, activates_at
         from signing_keys where kid = $2`,
        [JSON.stringify(jwk), kid],
      );
      await thief.query('update signing_keys set public_jwk = $1', [JSON.stringify(jwk)]);
      await vi.waitFor(() => expect(contradictions()).toContain('signing-key:theirs'), 60_000);
      for (const keyring of [before, await node()]) {
        expect(await kidsOf(keyring)).toEqual([kid]);
        const current = await keyring.current(purpose);
        const { signature } = await keyring.sign(purpose, current.kid, Buffer.from('data'));
        const key = createPublicKey({ key: { ...current.jwk }, format: 'jwk' });
        expect(verify('sha256', Buffer.from('data'), { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
      }
      // Scheduled and manual rotations continue.
      expect((await before.rotate(purpose)).state).toBe('published');
    });

    it.each([
      ['generation', 'generation = generation + 100'],
      ['algorithm', `algorithm = 'PS256'`],
      ['publication', `published_at = published_at - interval '1 day'`],
      ['activation', `activates_at = activates_at - interval '1 day'`],
      ['replacement', `withdraws = 'nothing'`],
    ])('gives no key another %s: a starting node ignores the key', async (_, change) => {
      const first = await node();
      const { kid } = await first.current(purpose);
      const { kid: successor } = await first.rotate(purpose);
      await thief.query(`update signing_keys set ${change} where kid = $1`, [successor]);
      expect(await kidsOf(await node())).toEqual([kid]);
      expect(contradictions()).toEqual([`signing-key:${successor}`]);
      // A node that has the key in memory continues with its recorded state.
      expect(await kidsOf(first)).toEqual([kid, successor]);
    });

    it('restores no withdrawn key, neither by a row nor by deleting the row of the withdrawal', async () => {
      const first = await node();
      const { kid: lost } = await first.current(purpose);
      const { kid } = await first.withdraw(purpose, lost);
      const { rows } = await thief.query('select * from signing_keys where kid = $1', [kid]);
      await thief.query('delete from signing_keys where kid = $1', [kid]);
      expect(await kidsOf(await node())).toEqual([]);
      await thief.query(
        `insert into signing_keys (purpose, generation, kid, algorithm, public_jwk, sealed_key, published_at, activates_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        ['purpose', 'generation', 'kid', 'algorithm', 'public_jwk', 'sealed_key', 'published_at', 'activates_at'].map(
          (name) => rows[0]?.[name],
        ),
      );
      const started = await node();
      expect(await kidsOf(started)).toEqual([]);
      expect(contradictions()).toEqual([`signing-key:${kid}`]);
      await expect(started.sign(purpose, lost, Buffer.from('data'))).rejects.toMatchObject({
        code: 'signing_key_unavailable',
      });
      // Repeating the withdrawal, as after an interruption, creates a successor.
      const successor = await started.withdraw(purpose, lost);
      expect(successor.state).toBe('active');
      expect(await kidsOf(started)).toEqual([successor.kid]);
      expect(audit.ofType('key.withdrawn').map(({ data }) => (data as { kid: string }).kid)).toEqual([lost]);
    });
  },
);
