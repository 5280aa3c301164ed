import { createHash } from 'node:crypto';
import { codeOf } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningDevices } from './index.ts';
import { anna, annas, banks, broker, shared } from './testing/device-directory.ts';
import { createTestKey, newKeyField, proofField, type TestKey } from './testing/device-keys.ts';
import { createDeviceWorld, type DeviceWorld, manager } from './testing/device-world.ts';

const about = 'sign-in 1';
const certificate = Buffer.alloc(32, 7).toString('base64url');

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of devices', () => {
  let world: DeviceWorld;
  let node: RunningDevices;
  let thief: pg.Pool;

  beforeEach(async () => {
    world = await createDeviceWorld();
    node = await world.node();
    thief = world.database.pool('devices');
  });
  afterEach(() => world.close());

  const contradictions = () => world.audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);
  const codeIn = (path: string) => path.slice('/device/'.length);
  async function enrolled(device = annas.id): Promise<TestKey> {
    const key = createTestKey();
    const code = codeIn((await node.enrolment.open(device, manager)).path);
    await node.enrolment.register(code, newKeyField(key, (await node.enrolment.show(code)).challenge));
    return key;
  }
  const recognise = (key: TestKey, device: string) =>
    node.recognise({ about, proof: proofField(key, device, node.challenge(about)) });
  const fit = async (on: RunningDevices, device = annas.id) =>
    codeOf(on.requireFit({ id: device, by: 'key' }, anna.id));
  const found = (posture: string, at = world.clock.now()) => ({
    ...{ device: annas.id, posture, posture_at: new Date(at).toISOString() },
    failed: posture === 'failing' ? ['disk_encryption'] : [],
  });

  it('cannot make their own machine a managed device by a row, a key or a certificate', async () => {
    const real = await enrolled(shared.id);
    const own = createTestKey();
    await thief.query(
      `insert into credentials (device, institution, kind, thumbprint, jwk, enrolled_at, record_id)
       select $1, institution, kind, 'theirs', $2, enrolled_at, record_id from credentials`,
      [annas.id, JSON.stringify(own.jwk)],
    );
    await thief.query(
      `insert into credentials (device, institution, kind, thumbprint, enrolled_at, record_id)
       values ($1, $2, 'certificate', $3, now(), 'rec_1')`,
      [annas.id, broker, certificate],
    );
    expect(await codeOf(recognise(own, annas.id))).toBe('device_unknown');
    expect(await node.recognise({ about, certificateThumbprint: certificate })).toBeUndefined();
    expect(await node.of(anna.id)).toMatchObject([{ id: annas.id, enrolled: 'no' }]);
    await thief.query(`update credentials set jwk = $1 where device = $2`, [JSON.stringify(own.jwk), shared.id]);
    expect(await codeOf(recognise(own, shared.id))).toBe('device_unknown');
    await thief.query(`update credentials set jwk = $1, device = $2 where device = $3`, [
      JSON.stringify(real.jwk),
      banks.id,
      shared.id,
    ]);
    expect(await codeOf(recognise(real, banks.id))).toBe('device_unknown');
    expect(contradictions()).toContain('device-credential:key:theirs');
  });

  it('cannot restore a removed key', async () => {
    const key = await enrolled();
    expect(await recognise(key, annas.id)).toEqual({ id: annas.id, by: 'key' });
    await node.enrolment.remove(annas.id, undefined, manager, 'stolen');
    await thief.query('update credentials set removed_at = null');
    expect(await codeOf(recognise(key, annas.id))).toBe('device_unknown');
  });

  it('cannot enrol with an invented link, nor one that was used, replaced, closed or made for another device', async () => {
    const own = Buffer.alloc(32, 9).toString('base64url');
    const { path } = await node.enrolment.open(annas.id, manager);
    const { rows } = await thief.query('select * from enrolments');
    const put = () =>
      thief.query(
        `insert into enrolments (code_hash, device, institution, opened_by, record_id, expires_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (device) do update set code_hash = excluded.code_hash`,
        ['code_hash', 'device', 'institution', 'opened_by', 'record_id', 'expires_at'].map((name) => rows[0]?.[name]),
      );
    const unknown = 'enrolment_unknown';
    await thief.query('update enrolments set code_hash = $1', [createHash('sha256').update(own).digest()]);
    expect(await codeOf(node.enrolment.show(own))).toBe(unknown);
    await thief.query('delete from enrolments');
    await put();
    await thief.query('update enrolments set device = $1', [shared.id]);
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe(unknown);
    await thief.query(`update enrolments set device = $1, expires_at = expires_at + interval '1 day'`, [annas.id]);
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe(unknown);

    await thief.query('delete from enrolments');
    await put();
    const { challenge } = await node.enrolment.show(codeIn(path));
    await node.enrolment.closeLinks([annas.id], manager, 'left');
    await put();
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe(unknown);
    expect(await codeOf(node.enrolment.register(codeIn(path), newKeyField(createTestKey(), challenge)))).toBe(unknown);

    const second = codeIn((await node.enrolment.open(annas.id, manager)).path);
    await put();
    expect(await codeOf(node.enrolment.show(codeIn(path)))).toBe(unknown);
    expect(await codeOf(node.enrolment.show(second))).toBe(unknown);
  });

  it('cannot make a failing device healthy by changing, restoring or deleting its row', async () => {
    await node.takeReport(world.report([found('compliant')]), { institution: broker });
    const { rows } = await thief.query('select * from postures');
    world.clock.advance(60_000);
    await node.takeReport(world.report([found('failing')]), { institution: broker });
    for (const change of [
      `posture = 'compliant', failed = '{}'`,
      `posture = 'compliant', failed = '{}', posture_at = posture_at + interval '1 minute', change = change + 10`,
      `institution = 'nobody'`,
    ]) {
      await thief.query(`update postures set ${change}`);
      expect(await fit(await world.node()), change).toBe('device_failing');
      expect(await fit(node), change).toBe('device_failing');
    }
    await thief.query('update postures set institution = $1, posture = $2, posture_at = $3, failed = $4, seal = $5', [
      ...['institution', 'posture', 'posture_at', 'failed', 'seal'].map((name) => rows[0]?.[name]),
    ]);
    expect(await fit(await world.node())).toBe('device_failing');
    await thief.query('delete from postures');
    expect(await fit(await world.node())).toBe('device_failing');
    // Until it is found healthy.
    world.clock.advance(60_000);
    await node.takeReport(world.report([found('compliant')]), { institution: broker });
    expect(await fit(node)).toBe('nothing was refused');
    expect(await fit(await world.node())).toBe('nothing was refused');
  });

  it('cannot keep a node from learning that a device fails', async () => {
    const other = await world.node();
    await node.takeReport(world.report([found('compliant')]), { institution: broker });
    await thief.query('update changes set newest = 0');
    world.clock.advance(60_000);
    await node.takeReport(world.report([found('failing')]), { institution: broker });
    await thief.query('update postures set change = -change');
    await expect.poll(() => fit(other), { timeout: 60_000 }).toBe('device_failing');
  });

  it('cannot make a check look newer: a device not checked for a week does not count', async () => {
    await node.takeReport(world.report([found('compliant')]), { institution: broker });
    world.clock.advance(8 * 86_400_000);
    expect(await fit(node)).toBe('device_stale');
    await thief.query(`update postures set posture_at = posture_at + interval '8 days', change = change + 1`);
    expect(await fit(await world.node())).toBe('device_stale');
  });

  it('cannot make a challenge: its secret is not in the database', async () => {
    const { rows } = await thief.query(
      `select table_name from information_schema.tables where table_schema = current_schema() order by table_name`,
    );
    expect(rows.map(({ table_name: name }) => name)).toEqual([
      'changes',
      'credentials',
      'enrolments',
      'feeds',
      'named_locks',
      'postures',
    ]);
  });
});
