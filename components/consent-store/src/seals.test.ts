import type { Mandate } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, constraints } from './testing/firms.ts';
import { byFund, givenRoot, permittedUse } from './testing/given-mandates.ts';

// Somebody writes into the database, bypassing the component.

let world: ConsentWorld;

beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

const asked = (mandate: Mandate, at = world.clock.now()) => ({
  ...{ mandate: mandate.id, actingFor: broker, at },
  use: permittedUse(at),
});

async function insert(row: Pick<Mandate, 'id' | 'version'>, document: object): Promise<void> {
  const pool = world.scratch.pool('consent-store');
  await pool.query(
    `insert into mandate_versions (id, version, document, digest, record_id, recorded_at)
     values ($1, $2, $3, 'd', $4, now())`,
    [row.id, row.version, JSON.stringify(document), `rec_${row.id}_${row.version}`],
  );
  await pool.query('update mandates set version = $2, status = $3 where id = $1', [row.id, row.version, 'active']);
}

/** A starting node has the mandate as it was recorded, whatever else is written beside it. */
async function expectAsRecorded(mandate: Mandate, valid: object): Promise<void> {
  const node = await world.node();
  expect(await node.check(asked(mandate))).toMatchObject(valid);
  expect(await node.find(mandate.id)).toEqual(mandate);
}

it('a version written past the component gives no authority, and no step can follow it', async () => {
  const root = await givenRoot(world.store);
  const { digest: _, signature, ...sealed } = root;
  const wider = {
    ...{ ...sealed, version: root.version + 1, previousDigest: root.digest },
    constraints: { ...constraints, venues: ['XETR', 'XPAR', 'XLON'] },
  };
  await insert(wider, { ...wider, digest: digestOf(wider), signature });
  await expectAsRecorded(root, { valid: true });

  const unsigned = await givenRoot(world.store);
  const { digest: __, signature: ___, ...open } = unsigned;
  const next = { ...open, version: unsigned.version + 1, previousDigest: unsigned.digest };
  await insert(next, { ...next, digest: digestOf(next) });
  await expectAsRecorded(unsigned, { valid: true });
});

it('a valid version under another mandate or another number gives no authority', async () => {
  const [revoked, other] = [await givenRoot(world.store), await givenRoot(world.store)];
  const ended = await world.store.revoke(revoked.id, byFund, 'No longer needed');
  await insert({ id: revoked.id, version: 4 }, revoked);
  await expectAsRecorded(ended, { valid: false, reason: 'mandate_revoked' });
  await insert({ id: other.id, version: 3 }, revoked);
  await expectAsRecorded(other, { valid: true });
});

it('the last version counts, whatever number is written beside it', async () => {
  const root = await givenRoot(world.store);
  await world.store.revoke(root.id, byFund, 'No longer needed');
  await world.scratch
    .pool('consent-store')
    .query(`update mandates set version = $2, status = 'active' where id = $1`, [root.id, root.version]);
  const node = await world.node();
  expect(await node.check(asked(root))).toMatchObject({ valid: false, reason: 'mandate_revoked' });
  expect(await node.find(root.id)).toMatchObject({ status: 'revoked' });
});
