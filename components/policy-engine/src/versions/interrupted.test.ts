import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { about, approver, createRig, proposer, type Rig } from '../testing/governance-rig.ts';
import { smallBundle } from '../testing/small-bundle.ts';

/** The connection breaks between the record of a step and its commit, and the step is requested again. */
describe('a change of the policies whose process died after its record', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await createRig();
  });
  afterEach(() => rig.close());

  const stricter = smallBundle('500.0');
  const recordsOf = (type: string) => rig.records.filter((record) => record.type === type);
  const proposed = async (node: Awaited<ReturnType<Rig['open']>>) => {
    const simulation = rig.simulated(stricter, node.current().version.version);
    return node.propose(stricter, { ...about, simulation }, proposer);
  };
  async function interrupted(step: () => Promise<unknown>): Promise<void> {
    const admin = rig.scratch.pool('policy-engine', { maxConnections: 1 });
    rig.afterNextRecord(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(step()).rejects.toThrow();
  }

  it('is approved once, and put into force once', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id, digest } = await proposed(node);
    await interrupted(() => node.approve(id, digest, approver));
    expect(node.current().version.version).toBe(1);
    const version = await node.approve(id, digest, approver);
    const published = recordsOf('policy.published').slice(1);
    expect(published.map((record) => record.id)).toEqual([version.recordId]);
    expect((await rig.open()).current().version).toMatchObject({ version: 2, recordId: version.recordId });
  });

  it('is completed by the next node that looks, and a repeated approval gets the same answer', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id, digest } = await proposed(node);
    await interrupted(() => node.approve(id, digest, approver));
    const started = await rig.open();
    expect(started.current().version).toMatchObject({ version: 2, approvedBy: approver.id });
    expect(await node.approve(id, digest, approver)).toMatchObject({ version: 2, approvedBy: approver.id });
    expect(recordsOf('policy.published')).toHaveLength(2);
    expect(await node.candidates({ status: 'approved' })).toMatchObject([{ id }]);
  });

  it('is rejected once', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id } = await proposed(node);
    await interrupted(() => node.reject(id, approver, 'Too strict'));
    expect(await node.reject(id, approver, 'Too strict')).toMatchObject({ status: 'rejected' });
    expect(recordsOf('policy.rejected')).toHaveLength(1);
  });

  it('is still proposed for whoever finds it in the list', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    await interrupted(() => proposed(node));
    const [candidate] = await node.candidates({ status: 'proposed' });
    if (candidate === undefined) throw new Error('it is not listed');
    expect((await node.candidate(candidate.id)).bundle).toEqual(stricter);
    expect(await node.approve(candidate.id, candidate.digest, approver)).toMatchObject({ version: 2 });
    expect(recordsOf('policy.proposed')).toHaveLength(1);
  });

  it('is approved by its recorded approver, and a later approver gets no approval', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id, digest } = await proposed(node);
    await interrupted(() => node.approve(id, digest, approver));
    const other = { ...approver, id: 'service:another-approver' };
    await expect(node.approve(id, digest, other)).rejects.toMatchObject({ code: 'candidate_decided' });
    expect((await rig.open()).current().version).toMatchObject({ version: 2, approvedBy: approver.id });
    expect(await node.candidates({ status: 'approved' })).toMatchObject([{ id, decidedBy: approver.id }]);
  });

  it('is rolled back once', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id, digest } = await proposed(node);
    await node.approve(id, digest, approver);
    const before = recordsOf('policy.published').length;
    const back = () => node.rollBack({ changeRequest: 'INC-1', reason: 'It stopped the desk' }, approver);
    await interrupted(back);
    const version = await back();
    expect(
      recordsOf('policy.published')
        .slice(before)
        .map((record) => record.id),
    ).toEqual([version.recordId]);
  });

  it('is rolled back by its recorded actor, and a later actor finds it done', async () => {
    const node = await rig.open({ pollMs: 3_600_000 });
    const { id, digest } = await proposed(node);
    await node.approve(id, digest, approver);
    const inc = { changeRequest: 'INC-1', reason: 'It stopped the desk' };
    await interrupted(() => node.rollBack(inc, approver));
    const other = { ...approver, id: 'service:another-approver' };
    await expect(node.rollBack(inc, other)).rejects.toMatchObject({ code: 'nothing_to_roll_back' });
    expect((await rig.open()).current().version).toMatchObject({
      version: 3,
      rolledBackTo: 1,
      proposedBy: approver.id,
    });
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'nothing_to_roll_back' }]);
  });
});
