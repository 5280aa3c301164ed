import { randomBytes } from 'node:crypto';
import { systemRandom } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decryptMaterial, encryptMaterial } from './envelope.ts';
import type { RunningSecrets } from './index.ts';
import { ari, createSecretsWorld, olga, type SecretsWorld } from './testing/secrets-world.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
const holder = 'service:reader';
beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
});
afterAll(() => world.close());

const wanted = (name: string, value: string) =>
  ({ kind: 'secret', change: 'define', name, holders: [holder], value }) as const;

describe('a secret', () => {
  it('is released to its holders, each read recorded before the value, which is in no record', async () => {
    const value = `a value ${randomBytes(8).toString('hex')}`;
    await world.define(secrets, wanted('feed', value));
    expect(await secrets.read('feed', undefined, world.caller(holder))).toEqual({ name: 'feed', version: 1, value });
    expect(world.records('secret.released').at(-1)).toMatchObject({
      subject: { id: holder },
      data: { name: 'feed', version: 1 },
    });
    expect(JSON.stringify(world.log.records)).not.toContain(value);
    const { rows } = await world.scratch.pool('secrets').query('select ciphertext, sealed_key from materials');
    expect(Buffer.concat(rows.flatMap((row: Record<string, Buffer>) => Object.values(row))).includes(value)).toBe(
      false,
    );
    world.log.breakDown('writing', ({ type }) => type === 'secret.released');
    expect(await codeOf(secrets.read('feed', undefined, world.caller(holder)))).toBe('log_unavailable');
    world.log.repair();
  });

  it('has versions that are never overwritten', async () => {
    for (const value of ['first', 'second', 'third']) await world.define(secrets, wanted('versions', value));
    const read = async (version?: number) => (await secrets.read('versions', version, world.caller(holder))).value;
    expect([await read(1), await read(2), await read(3), await read()]).toEqual(['first', 'second', 'third', 'third']);
    expect(await codeOf(read(4))).toBe('secret_unknown');
  });

  it('is unknown to other callers, and to holders before the second approval', async () => {
    const { id, digest } = await secrets.propose(wanted('pending', 'not yet'), 'needed', olga);
    expect(await codeOf(secrets.read('pending', undefined, world.caller(holder)))).toBe('secret_unknown');
    await secrets.approve(id, digest, ari);
    expect(await codeOf(secrets.read('pending', undefined, world.caller('service:other')))).toBe('secret_unknown');
    world.denying.set(holder, { code: 'risk_takeover', detail: 'Suspected.' });
    expect(await codeOf(secrets.read('pending', undefined, world.caller(holder)))).toBe('secret_not_permitted');
    world.denying.clear();
  });

  it('leaves nothing behind when its proposal is rejected or expires', async () => {
    const count = async () => (await world.scratch.pool('secrets').query('select digest from materials')).rowCount ?? 0;
    const before = await count();
    const { id } = await secrets.propose(wanted('rejected', 'never'), 'needed', olga);
    await secrets.reject(id, 'no', ari);
    expect(await count()).toBe(before + 1);
    world.clock.advance(2 * 86_400_000);
    await world.define(secrets, wanted('another', 'value'));
    expect(await count()).toBe(before + 1);
  });
});

describe('an encrypted value', () => {
  const sealing = { sealingKey: { bytes: randomBytes(32) }, random: systemRandom };
  const place = { kind: 'secret', name: 'one' };

  it('decrypts for its own kind and name only, and differs each time', () => {
    const material = encryptMaterial(Buffer.from('value'), place, sealing);
    expect(decryptMaterial(material, place, sealing.sealingKey).toString()).toBe('value');
    for (const other of [
      { ...place, name: 'two' },
      { ...place, kind: 'venue-key' },
    ])
      expect(() => decryptMaterial(material, other, sealing.sealingKey)).toThrow('keystore_locked');
    expect(() => decryptMaterial(material, place, { bytes: randomBytes(32) })).toThrow('keystore_locked');
    expect(encryptMaterial(Buffer.from('value'), place, sealing).digest).not.toBe(material.digest);
  });

  it('does not decrypt with any octet changed', () => {
    const material = encryptMaterial(Buffer.from('value'), place, sealing);
    for (const part of ['ciphertext', 'sealedKey'] as const)
      for (let at = 0; at < material[part].length; at += 1) {
        const octets = Buffer.from(material[part]);
        octets[at] = (octets[at] ?? 0) ^ 1;
        expect(() => decryptMaterial({ ...material, [part]: octets }, place, sealing.sealingKey)).toThrow(
          'keystore_locked',
        );
      }
  });
});
