import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@countersign/kernel';
import { createTestDatabase, fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScratchDatabase } from '../database/index.ts';
import { createLogger } from '../observability/index.ts';
import { createKeyring, type KeyPolicy } from './keyring.ts';

const table = `create table signing_keys (purpose text not null, generation integer not null, kid text not null unique,
  algorithm text not null, public_jwk jsonb not null, sealed_key bytea not null, published_at timestamptz not null,
  activates_at timestamptz not null, primary key (purpose, generation));`;
const migrationsFolder = mkdtempSync(join(tmpdir(), 'keyring-'));
writeFileSync(join(migrationsFolder, '0001_keys.sql'), table);

const logger = createLogger({ level: 'silent', name: 'test' });
const sealingKey = { bytes: systemRandom.bytes(32) };
const token: KeyPolicy = { algorithm: 'ES256', publicationLeadSeconds: 600, longestSignedLifeSeconds: 300 };

describe('the keyring', () => {
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await createTestDatabase({
      components: [
        { name: 'keys', schema: 'keys', role: 'keys', migrationsFolder, grants: 'insert-and-read' },
        { name: 'race', schema: 'race', role: 'race', migrationsFolder, grants: 'insert-and-read' },
        { name: 'sealed', schema: 'sealed', role: 'sealed', migrationsFolder, grants: 'full' },
      ],
    });
  });
  afterAll(() => database.drop());

  const open = (component: string, clock = fixedClock(1_000_000), key = sealingKey) =>
    createKeyring({
      pool: database.pool(component),
      sealingKey: key,
      purposes: { 'access-token': token },
      clock,
      random: systemRandom,
      logger,
    });

  it('publishes a successor before it signs with it, and retires the predecessor when what it signed has expired', async () => {
    const clock = fixedClock(1_000_000);
    const keyring = await open('keys', clock);
    const first = await keyring.current('access-token');
    const successor = await keyring.rotate('access-token');
    expect(successor.state).toBe('published');
    expect((await keyring.current('access-token')).kid).toBe(first.kid);
    await expect(keyring.sign('access-token', successor.kid, Buffer.from('too early'))).rejects.toMatchObject({
      code: 'signing_key_unavailable',
    });

    clock.advance(600_000);
    expect((await keyring.current('access-token')).kid).toBe(successor.kid);
    expect((await keyring.publicKeys('access-token')).map(({ state }) => state)).toEqual(['retiring', 'active']);

    clock.advance(300_000);
    expect((await keyring.publicKeys('access-token')).map(({ kid }) => kid)).toEqual([successor.kid]);
    await expect(keyring.sign('access-token', first.kid, Buffer.from('too late'))).rejects.toMatchObject({
      code: 'signing_key_unavailable',
    });
    await keyring.stop();
  });

  it('gives the waiting successor again when asked to rotate twice', async () => {
    const clock = fixedClock(5_000_000);
    const keyring = await open('keys', clock);
    const first = await keyring.rotate('access-token');
    clock.advance(10_000);
    expect((await keyring.rotate('access-token')).kid).toBe(first.kid);
    await keyring.stop();
  });

  it('signs so that the published key verifies', async () => {
    const keyring = await open('race');
    const { kid, jwk } = await keyring.current('access-token');
    const data = Buffer.from('what is signed');
    const { signature } = await keyring.sign('access-token', kid, data);
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    expect(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    await keyring.stop();
  });

  it('agrees on one key when several nodes start or rotate at once', async () => {
    const nodes = await Promise.all([open('race'), open('race'), open('race')]);
    const rotated = await Promise.all(nodes.map((node) => node.rotate('access-token')));
    expect(new Set(rotated.map(({ kid }) => kid)).size).toBe(1);
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it('cannot be opened with another key-encryption key, nor after a sealed key was moved to another row', async () => {
    const keyring = await open('sealed');
    await keyring.stop();
    await expect(open('sealed', fixedClock(1_000_000), { bytes: systemRandom.bytes(32) })).rejects.toMatchObject({
      code: 'keystore_locked',
    });
    await database.pool('sealed').query(`update signing_keys set kid = 'another'`);
    await expect(open('sealed')).rejects.toMatchObject({ code: 'keystore_locked' });
  });
});
