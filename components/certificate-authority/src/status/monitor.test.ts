import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import { type AuthorityWorld, createAuthorityWorld } from '../testing/authority-world.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload');
});
afterAll(() => world.close());

it('reports a certificate once whose row differs from its record, and restores a missing row', async () => {
  const pool = world.scratch.pool('certificate-authority');
  const [gone, altered] = [
    await world.issue(ca, 'risk-service', 'service:risk'),
    await world.issue(ca, 'risk-service', 'service:risk'),
  ];
  await pool.query('delete from certificates where serial = $1', [gone.serial]);
  await pool.query(
    "update certificates set state = jsonb_set(state, '{holder}', '\"agent:vwap-1\"') where serial = $1",
    [altered.serial],
  );
  const other = world.node();
  await other.lookAtDue();
  await other.lookAtDue();
  expect(world.records('certificate.unaccounted')).toMatchObject([
    {
      reason: 'authority_unproven',
      references: [altered.recordId],
      data: { serial: altered.serial, why: 'content_differs' },
    },
  ]);
  const { rows } = await pool.query('select serial from certificates where serial = $1', [gone.serial]);
  expect(rows).toHaveLength(1);
});
