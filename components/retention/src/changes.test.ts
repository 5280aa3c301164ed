import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRetention } from './index.ts';
import {
  asActor,
  colin,
  createRetentionWorld,
  paula,
  paulasAgent,
  type RetentionWorld,
  tessa,
} from './testing/retention-world.ts';

let world: RetentionWorld;
let retention: RunningRetention;
beforeEach(async () => {
  world = await createRetentionWorld();
  retention = world.retention;
});
afterEach(() => world.close());

const shorter = { kind: 'schedule', presets: ['own'], years: { transaction: 2, authority: 3 } } as const;
const pruning = { kind: 'pruning', class: 'access' } as const;

async function proposed(change: Parameters<RunningRetention['simulate']>[0], by = paula) {
  const { id } = await retention.simulate(change, by);
  return retention.changes.propose(id, 'as the law allows', by);
}
async function approved(change: Parameters<RunningRetention['simulate']>[0]) {
  const { id, digest } = await proposed(change);
  return retention.changes.approve(id, digest, colin);
}
async function proposal(id: string) {
  return (await retention.state()).proposals.get(id);
}
const hold = (of: RunningRetention = retention) =>
  of.holds.place({ scope: { institution: '529900T8BM49AURSDO55' }, matter: 'case 7', future: true }, tessa);

describe('a schedule', () => {
  it('is simulated, proposed, approved by another person, and then in force on every node', async () => {
    for (const ago of [1, 2.5, 4, 7]) world.aged(ago, { type: 'transaction.opened' });
    const simulation = await retention.simulate(shorter, paula);
    expect(simulation.would.find(({ class: name }) => name === 'transaction')).toMatchObject({ records: 4, due: 3 });
    expect(simulation.now.find(({ class: name }) => name === 'transaction')).toMatchObject({ records: 4, due: 1 });
    const { id, digest } = await retention.changes.propose(simulation.id, 'less is enough', paula);
    expect((await retention.state()).schedule.version).toBe(0);
    expect(await retention.changes.approve(id, digest, colin)).toMatchObject({ status: 'completed', simulation });
    const other = world.node();
    const { schedule, schedules } = await other.state();
    expect(schedule).toEqual({
      version: 1,
      presets: ['own'],
      years: { transaction: 2, authority: 3, access: 1, operation: 1 },
    });
    expect(schedules).toHaveLength(1);
    expect(world.log.ofType('retention.changed')).toMatchObject([
      { subject: asActor(colin), references: [id], data: { version: 1, proposed_by: paula.id } },
    ]);
  });

  it('is not approved by its proposer, nor by software that acts for them', async () => {
    const { id, digest } = await proposed(shorter);
    for (const own of [paula, paulasAgent])
      expect(await codeOf(retention.changes.approve(id, digest, own))).toBe('own_proposal');
    expect(world.log.ofType('access.refused').map(({ reason }) => reason)).toEqual(['own_proposal', 'own_proposal']);
    expect((await retention.state()).schedule.version).toBe(0);
    const byAgent = await proposed(shorter, paulasAgent);
    expect(await codeOf(retention.changes.approve(byAgent.id, byAgent.digest, paula))).toBe('own_proposal');
  });

  it('ends with its proposer or anybody in the acting chain, which is recorded', async () => {
    const mine = await proposed(shorter);
    const byAgent = await proposed(pruning, paulasAgent);
    const ended = { by: asActor(colin), reason: 'Who proposed this has left.' };
    const now = world.clock.now();
    expect(await retention.endProposalsOf('person:somebody.else', { ...ended, before: now })).toBe(0);
    expect(await retention.endProposalsOf(paula.id, { ...ended, before: now - 60_000 })).toBe(0);
    expect(await retention.endProposalsOf(paula.id, { ...ended, before: now })).toBe(2);
    expect(await retention.endProposalsOf(paula.id, { ...ended, before: now })).toBe(0);
    expect(world.log.ofType('retention.rejected').map(({ data }) => data)).toMatchObject([
      { proposal: mine.id, reason: ended.reason },
      { proposal: byAgent.id, reason: ended.reason },
    ]);
    for (const { id, digest } of [mine, byAgent])
      expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_settled');
    expect((await retention.state()).schedule.version).toBe(0);
  });

  it('is not approved by somebody who invited its proposer, or was invited by them', async () => {
    const asked: unknown[] = [];
    const node = world.node({
      independence: async (...sides) => {
        asked.push(sides);
        return false;
      },
    });
    const { id, digest } = await proposed(shorter);
    expect(await codeOf(node.changes.approve(id, digest, colin))).toBe('approver_not_independent');
    expect(asked).toEqual([[[paula.id], [colin.id]]]);
    expect(world.log.ofType('access.refused')).toMatchObject([{ reason: 'approver_not_independent' }]);
    expect((await retention.state()).schedule.version).toBe(0);
  });

  it('is not put into force once its proposer is gone, and ends at that attempt', async () => {
    const node = world.node({ proposerStanding: async () => 'left' });
    const { id, digest } = await proposed(shorter);
    expect(await codeOf(node.changes.approve(id, digest, colin))).toBe('proposer_gone');
    expect(world.log.ofType('access.refused')).toMatchObject([{ reason: 'proposer_gone' }]);
    expect(world.log.ofType('retention.rejected')).toMatchObject([{ data: { proposal: id } }]);
    expect(await codeOf(retention.changes.approve(id, digest, tessa))).toBe('proposal_settled');
    expect((await retention.state()).schedule.version).toBe(0);
  });

  it('is approved exactly as it was read, once, and within seven days', async () => {
    const first = await proposed(shorter);
    expect(await codeOf(retention.changes.approve(first.id, 'x'.repeat(43), colin))).toBe('proposal_outdated');
    const late = await proposed(pruning);
    await retention.changes.approve(first.id, first.digest, colin);
    expect(await codeOf(retention.changes.approve(first.id, first.digest, tessa))).toBe('proposal_settled');
    world.clock.advance(7 * 86_400_000);
    expect(await codeOf(retention.changes.approve(late.id, late.digest, colin))).toBe('proposal_settled');
    expect(await codeOf(retention.changes.approve('rec_x', late.digest, colin))).toBe('proposal_not_found');
  });

  it('is not put into force when it was rejected', async () => {
    const { id, digest } = await proposed(shorter);
    expect(await retention.changes.reject(id, 'too short for us', colin)).toMatchObject({ status: 'rejected' });
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_settled');
    expect((await retention.state()).schedule.version).toBe(0);
  });

  it('is decided once however many decide at once, on two nodes', async () => {
    const { id, digest } = await proposed(shorter);
    const other = world.node();
    const outcomes = await Promise.allSettled([
      retention.changes.approve(id, digest, colin),
      other.changes.approve(id, digest, tessa),
      other.changes.reject(id, 'no', colin),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const decisions = [...world.log.ofType('retention.changed'), ...world.log.ofType('retention.rejected')];
    expect(decisions).toHaveLength(1);
  });

  it('follows the first of two contradicting records', async () => {
    const { id } = await proposed(shorter);
    world.log.write({ type: 'retention.rejected', subject: asActor(colin), data: { proposal: id, reason: 'no' } });
    world.log.write({
      type: 'retention.changed',
      data: {
        proposal: id,
        version: 1,
        presets: ['own'],
        years: { transaction: 1, authority: 1, access: 1, operation: 1 },
      },
    });
    expect((await retention.state()).schedule.version).toBe(0);
  });

  it('is unchanged when the log accepts nothing', async () => {
    const { id, digest } = await proposed(shorter);
    world.log.breakDown('writing');
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('log_unavailable');
    world.log.repair();
    expect((await retention.state()).schedule.version).toBe(0);
    expect(await retention.changes.approve(id, digest, colin)).toMatchObject({ status: 'completed' });
  });
});

describe('a proposal', () => {
  it('needs a simulation, less than a day old and of the current state', async () => {
    expect(await codeOf(retention.changes.propose('sim_x', 'why not', paula))).toBe('retention_not_simulated');
    const old = await retention.simulate(shorter, paula);
    world.clock.advance(86_400_001);
    expect(await codeOf(retention.changes.propose(old.id, 'why not', paula))).toBe('retention_not_simulated');
    const before = await retention.simulate(shorter, paula);
    await hold();
    expect(await codeOf(retention.changes.propose(before.id, 'why not', paula))).toBe('retention_not_simulated');
  });

  it('needs a reason of one line', async () => {
    const { id } = await retention.simulate(shorter, paula);
    for (const reason of ['', ' ', 'two\nlines', 'x'.repeat(401), '\u202eturned'])
      expect(await codeOf(retention.changes.propose(id, reason, paula))).toBe('retention_malformed');
  });

  it('is out of date when more would be pruned than its approver saw', async () => {
    const transaction = world.transaction();
    world.aged(8, { type: 'transaction.opened', transaction });
    const held = await retention.holds.place({ scope: { transaction }, matter: 'case 7', future: false }, tessa);
    const { id, digest } = await proposed({ kind: 'pruning', class: 'transaction' });
    await retention.holds.release(held.id, 'settled', colin);
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_outdated');
  });

  it('is out of date when the schedule has changed', async () => {
    const { id, digest } = await proposed(pruning);
    await approved(shorter);
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_outdated');
  });
});

describe('a pruning', () => {
  it('removes what is older than the schedule requires, and nothing else', async () => {
    const old = world.aged(6, { type: 'session.started' });
    const young = world.aged(4, { type: 'session.started' });
    const other = world.aged(9, { type: 'transaction.opened' });
    const { id } = await approved(pruning);
    await retention.carryOut();
    expect([...world.custody.pruned]).toEqual([old.id]);
    expect(world.custody.pruned).not.toContain(young.id);
    expect(world.custody.pruned).not.toContain(other.id);
    expect(await proposal(id)).toMatchObject({ status: 'completed', pruned: { count: 1, held: 0, needed: 0 } });
    const [approval] = world.log.ofType('retention.pruning-approved');
    expect(world.log.ofType('log.pruned')[0]?.references).toEqual([approval?.id]);
  });

  it('cannot be simulated for records that the schedule keeps', async () => {
    const attempt = retention.simulate({ ...pruning, before: '2033-01-01T00:00:00Z' }, paula);
    expect(await codeOf(attempt)).toBe('retention_too_short');
  });

  it('keeps what is under a hold, also one placed while it runs', async () => {
    const transaction = world.transaction();
    const held = world.aged(6, { type: 'token.issued', transaction });
    const gone = world.aged(6, { type: 'token.issued' });
    world.custody.beforeSlice = () =>
      retention.holds.place({ scope: { transaction }, matter: 'case 8', future: false }, tessa);
    const { id } = await approved(pruning);
    await retention.carryOut();
    expect([...world.custody.pruned]).toEqual([gone.id]);
    expect(world.custody.pruned).not.toContain(held.id);
    expect(await proposal(id)).toMatchObject({ status: 'completed', pruned: { count: 1, held: 1 } });
  });

  it('continues on another node where a process died', async () => {
    world.aged(6, { type: 'session.started' });
    world.custody.failures = 1;
    const { id } = await approved(pruning);
    await retention.carryOut();
    world.custody.failures = 1;
    await retention.stop();
    expect(world.log.ofType('retention.pruning-approved')).toHaveLength(1);
    world.custody.failures = 0;
    const other = world.node();
    await other.carryOut();
    expect((await other.state()).proposals.get(id)).toMatchObject({ status: 'completed' });
    expect(world.log.ofType('log.pruned')).toHaveLength(1);
  });

  it('ends on record when the schedule became longer before it was done', async () => {
    const old = world.aged(6, { type: 'session.started' });
    const longer = await proposed({ kind: 'schedule', presets: ['own'], years: { access: 9, authority: 9 } });
    const { id, digest } = await proposed(pruning);
    world.custody.beforeSlice = () => retention.changes.approve(longer.id, longer.digest, colin);
    await retention.changes.approve(id, digest, colin);
    await retention.carryOut();
    expect(world.custody.pruned).not.toContain(old.id);
    expect(await proposal(id)).toMatchObject({ status: 'rejected' });
    expect(world.log.ofType('retention.rejected')).toMatchObject([{ outcome: 'deny', reason: 'retention_too_short' }]);
  });
});
