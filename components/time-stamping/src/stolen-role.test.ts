import { generateKeyPairSync, sign } from 'node:crypto';
import { buildAuthorityCertificate } from '@countersign/x509';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTimeStampingWorld, type TimeStampingWorld } from './testing/time-stamping-world.ts';

// Every attack below uses a connection with this component's database role.

describe('a thief with the database role of time stamping', () => {
  let world: TimeStampingWorld;
  let thief: pg.Pool;
  beforeEach(async () => {
    world = await createTimeStampingWorld();
    thief = world.scratch.pool('time-stamping');
    world.log.write({ type: 'log.opened' });
  });
  afterEach(() => world.close());

  /** A certificate signed with a key of the thief, for that key or for another one. */
  async function certificateBy(publicKey?: { readonly x: string; readonly y: string }): Promise<Uint8Array> {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey ?? own.publicKey.export({ format: 'jwk' });
    return buildAuthorityCertificate({
      ...{ name: 'Countersign time stamps', organization: 'Example Bank AG', serial: 7n },
      publicKey: { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') },
      notBefore: world.clock.now() - 1_000,
      notAfter: world.clock.now() + 1e9,
      sign: async (octets) => sign('sha256', octets, { key: own.privateKey, dsaEncoding: 'ieee-p1363' }),
    });
  }

  it('cannot publish a certificate of their own key, nor one that they issued for ours', async () => {
    const before = await world.node().certificates.all();
    expect(before).toHaveLength(1);
    const { kid, jwk } = await world.key();
    for (const forged of [await certificateBy(), await certificateBy(jwk as { x: string; y: string })]) {
      await thief.query('update certificates set certificate = $1 where kid = $2', [forged, kid]);
      const node = world.node();
      await expect(node.certificates.all()).rejects.toMatchObject({ code: 'authority_unproven' });
      await expect(node.certificates.current()).rejects.toMatchObject({ code: 'authority_unproven' });
    }
    // A node that has started before trusts its own certificate, and publishes nothing else.
    await thief.query('delete from certificates');
    const again = world.node();
    const [own] = await again.certificates.all();
    await thief.query('update certificates set certificate = $1', [await certificateBy()]);
    expect(own).toBeDefined();
    expect(await again.certificates.all()).toEqual([]);
  });

  it('cannot have an invented record stamped: records are read from the log', async () => {
    const node = world.node({ orders: { opened: ['*'], into: [] } });
    await node.stampDue();
    const opened = world.log.write({
      type: 'transaction.opened',
      transaction: world.transaction(),
      data: { intent_type: 'trade_order' },
    });
    await thief.query('update stamping set position = -1');
    await world.node({ orders: { opened: ['*'], into: [] } }).stampDue();
    await node.stop();
    await world.node({ orders: { opened: ['*'], into: [] } }).stampDue();
    const things = world.log
      .ofType('timestamp.obtained')
      .map(({ data }) => (data as { thing: { record?: string } }).thing);
    expect(new Set(things.flatMap(({ record }) => record ?? []))).toEqual(new Set([opened.record.id]));
  });
});
