import { authorizationServerMigrations } from '@countersign/authorization-server';
import { systemRandom } from '@countersign/kernel';
import { createLogger, type Keyring, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyRecords } from './key-records.ts';
import { openTokenKeys, type TokenKeyPurpose } from './keys.ts';

const dayMs = 86_400_000;
const by = { id: 'service:countersign', institution: '529900OPERATOR000098' };
const clock = fixedClock(Date.parse('2026-01-01T00:00:00Z'));

describe('a key that has reached its maximum age', () => {
  let database: ScratchDatabase;
  const running: Keyring<TokenKeyPurpose>[] = [];
  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
  });
  afterAll(async () => {
    await Promise.all(running.map((keyring) => keyring.stop()));
    await database.drop();
  });

  it('refuses to sign on every node, and the refusal is recorded once a day', async () => {
    const audit = createMemoryLog(clock);
    const node = async () => {
      const records = createKeyRecords({ audit, clock, random: systemRandom });
      const keyring = await openTokenKeys({
        pool: database.pool('authorization-server'),
        ...{ sealingKey: { bytes: Buffer.alloc(32, 7) }, clock, random: systemRandom },
        logger: createLogger({ level: 'silent', name: 'test' }),
        ...{ by, records, rotateEveryDays: 10, signAtMostDays: 15 },
      });
      running.push(keyring);
      return keyring;
    };
    const nodes = [await node(), await node()];
    const { kid } = (await nodes[0]?.current('access-token')) ?? { kid: '' };
    const signAll = () =>
      Promise.all(
        [...nodes, ...nodes].map((keyring) =>
          keyring.sign('access-token', kid, Buffer.from('data')).then(
            () => 'signed',
            ({ code }) => code,
          ),
        ),
      );
    const refusals = () =>
      audit.ofType('access.refused').map(({ reason, subject, data }) => ({ reason, subject: subject?.id, data }));
    audit.breakDown('writing', ({ type }) => type === 'key.published');
    clock.advance(15 * dayMs);
    expect(new Set(await signAll())).toEqual(new Set(['signed']));
    clock.advance(1);
    expect(new Set(await signAll())).toEqual(new Set(['signing_key_over_age']));
    const refusal = {
      ...{ reason: 'signing_key_over_age', subject: by.id },
      data: { operation: 'key:sign', about: `access-token ${kid}` },
    };
    expect(refusals()).toEqual([refusal]);
    expect(new Set(await signAll())).toEqual(new Set(['signing_key_over_age']));
    expect(refusals()).toHaveLength(1);
    clock.advance(dayMs);
    expect(new Set(await signAll())).toEqual(new Set(['signing_key_over_age']));
    expect(refusals()).toEqual([refusal, refusal]);
    audit.repair();
    // A rotation is tried at most once a minute.
    clock.advance(60_000);
    expect(new Set(await signAll())).toEqual(new Set(['signed']));
  });
});
