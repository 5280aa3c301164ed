import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { about, approver, createRig, proposer, type Rig } from './testing/governance-rig.ts';
import { smallBundle } from './testing/small-bundle.ts';
import type { GovernedVersions } from './versions/versions.ts';

const stricter = smallBundle('500.0');
const strictest = smallBundle('400.0');

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of the policy engine', () => {
  let rig: Rig;
  let thief: pg.Pool;
  beforeEach(async () => {
    rig = await createRig();
    thief = rig.scratch.pool('policy-engine');
  });
  afterEach(() => rig.close());

  async function propose(node: GovernedVersions, bundle = stricter) {
    const simulation = rig.simulated(bundle, node.current().version.version);
    return node.propose(bundle, { ...about, simulation }, proposer);
  }
  async function publish(node: GovernedVersions, bundle = stricter) {
    const { id, digest } = await propose(node, bundle);
    return node.approve(id, digest, approver);
  }
  const removeValue = (version: number) => thief.query('delete from policy_versions where version >= $1', [version]);

  it('cannot restore an earlier version, not even on a node that starts', async () => {
    const version = await publish(await rig.open());
    await removeValue(2);
    expect((await rig.open()).current().version).toMatchObject({ version: 2, hash: version.hash });
  });

  it('cannot make an installation start over with the bundle of the release', async () => {
    const node = await rig.open();
    await publish(node);
    await node.stop();
    await thief.query('delete from policy_candidates');
    await removeValue(1);
    await expect(rig.open()).rejects.toMatchObject({ code: 'bundle_signature' });
    expect(rig.records.filter(({ type }) => type === 'policy.published')).toHaveLength(2);
  });

  it('cannot hide a version from a node by deleting it', async () => {
    const other = await rig.open({ pollMs: 20 });
    const node = await rig.open({ pollMs: 3_600_000 });
    // Before anybody can have read it.
    const { id, digest } = await propose(node);
    const approving = node.approve(id, digest, approver);
    for (let tries = 0; tries < 50; tries++) await removeValue(2);
    await approving;
    await removeValue(2);
    await expect.poll(() => other.current().version.version, { timeout: 60_000 }).toBe(2);
  });

  it('cannot raise a cap: limits are signed', async () => {
    const limit = { id: 'day', measure: 'notional', per: ['trader'], window: { rolling_seconds: 86_400 }, unit: 'EUR' };
    const limited = { ...stricter, limits: [{ ...limit, max: '1000' }] };
    const node = await rig.open({ pollMs: 3_600_000 });
    await publish(node, limited);
    await thief.query(
      `update policy_versions set bundle = jsonb_set(bundle::jsonb, '{limits,0,max}', '"1000000"')::json where version = 2`,
    );
    expect(node.current().loaded.limits).toMatchObject([{ max: '1000' }]);
    await expect(rig.open()).rejects.toMatchObject({ code: 'bundle_signature' });
  });

  it('cannot replace a published bundle', async () => {
    await publish(await rig.open());
    await removeValue(2);
    await thief.query('update policy_candidates set bundle = $1', [JSON.stringify(strictest)]);
    await expect(rig.open()).rejects.toMatchObject({ code: 'bundle_signature' });
  });

  it('cannot have a version published on top of restored rows', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const outdated = await propose(node, strictest);
    await publish(node);
    await removeValue(2);
    await expect(node.approve(outdated.id, outdated.digest, approver)).rejects.toMatchObject({
      code: 'bundle_signature',
    });
    // The deleted version is stored again from its record, and that one is rolled back.
    expect(await node.rollBack(about, proposer)).toMatchObject({ version: 3, rolledBackTo: 1 });
  });

  it('cannot propose in the name of another, so that one person would count as two', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    await thief.query(`update policy_candidates set proposed_by = 'person:somebody.else' where id = $1`, [id]);
    await expect(node.approve(id, digest, proposer)).rejects.toMatchObject({ code: 'candidate_digest' });
  });

  it('cannot reopen a candidate that was rejected or that ended with its proposer', async () => {
    const node = await rig.open();
    const rejected = await propose(node);
    await node.reject(rejected.id, approver, 'Too strict.');
    const ended = await propose(node, strictest);
    await node.endProposalsOf(proposer.id, { by: approver, reason: 'Left.', before: rig.clock.now() });
    const open = `update policy_candidates set status = 'proposed', decided_by = null`;
    await thief.query(open);
    for (const { id, digest } of [rejected, ended])
      await expect(node.approve(id, digest, approver)).rejects.toMatchObject({ code: 'candidate_digest' });
    // The whole earlier row, with the record that it named then; the newest record is ahead of it.
    await thief.query(`${open}, change_record = record_id`);
    for (const { id, digest } of [rejected, ended])
      await expect(node.approve(id, digest, approver)).rejects.toMatchObject({ code: 'candidate_decided' });
  });

  it('cannot leave a half-finished change: what was recorded is completed', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const version = await publish(node);
    // As if the process had died before its commit.
    await removeValue(2);
    await thief.query(`update policy_candidates set status = 'proposed', decided_by = null`);
    const started = await rig.open();
    expect(started.current().version).toMatchObject({
      version: 2,
      recordId: version.recordId,
      approvedBy: approver.id,
    });
    expect((await started.bundle(2)).policies).toEqual(stricter.policies);
  });
});
