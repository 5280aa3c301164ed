import { type Agent, type OpenedTransaction, parsePrincipalId } from '@countersign/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { actor, broker } from '../../consent-store/src/testing/firms.ts';
import {
  type ApprovingWorld,
  carla,
  createApprovingWorld,
  foreignOperations,
  olaf,
  olga,
  oscar,
  rita,
} from './testing/approving-world.ts';
import { secondSupervisor, supervisor, trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts: object = {}) => expect.objectContaining({ code, ...facts });

function principalId(text: string) {
  const id = parsePrincipalId(text);
  if (id === undefined) throw new Error(`no principal id: ${text}`);
  return id;
}

describe('n of m', () => {
  it('is a minimum without any policy asking for it', async () => {
    const change = await world.begin('privileged_admin');
    const apply = () => world.step(change.id, 'apply', actor(trader));
    for (const approver of [olga, oscar]) {
      await expect(apply()).rejects.toThrow(coded('approval_required'));
      await world.approve(approver, change);
    }
    await expect(apply()).resolves.toMatchObject({ state: 'applied' });
    const { references } = world.recordsOf(change.id).find(({ type }) => type === 'transaction.transitioned') ?? {};
    const given = world.recordsOf(change.id).filter(({ type }) => type === 'approval.given');
    expect(references).toEqual(expect.arrayContaining(given.map(({ id }) => id)));
  });

  it('is not reached by people of other roles, whose approvals are still recorded', async () => {
    const change = await world.begin('privileged_admin');
    for (const approver of [olga, carla, rita, supervisor]) await world.approve(approver, change);
    expect((await world.registry.facts(change.id))?.approvals).toHaveLength(4);
    await expect(world.step(change.id, 'apply', actor(trader))).rejects.toThrow(
      coded('approval_required', {
        facts: expect.objectContaining({
          obligations: [expect.objectContaining({ role: 'operations', count: 1, institution: broker })],
        }),
      }),
    );
  });

  it('is not reached with an approval that has expired meanwhile', async () => {
    const change = await world.begin('privileged_admin');
    const iat = world.clock.now() / 1000;
    await world.approve(olga, change, { iat, exp: iat + 60 });
    world.clock.advance(60_000);
    await world.approve(oscar, change);
    await expect(world.step(change.id, 'apply', actor(trader))).rejects.toThrow(coded('approval_required'));
    await world.approve(olaf, change);
    await expect(world.step(change.id, 'apply', actor(trader))).resolves.toMatchObject({ state: 'applied' });
  });
});

describe('approvals that a mandate requires', () => {
  async function orderUnder(approvals: readonly object[]): Promise<OpenedTransaction> {
    return world.open(await world.grant({ approvals }));
  }

  it('are a minimum in addition to those of the policies', async () => {
    const order = await orderUnder([{ role: 'risk', count: 1 }]);
    const submit = () => world.report(order.id, 'submit');
    await expect(submit()).rejects.toThrow(coded('approval_required'));
    await world.approve(carla, order);
    await expect(submit()).rejects.toThrow(coded('approval_required'));
    await world.approve(rita, order);
    await expect(submit()).resolves.toMatchObject({ state: 'submitted' });
  });

  it('are required at submission, and not again at a later settlement', async () => {
    const order = await orderUnder([{ role: 'risk', count: 1 }]);
    await world.approve(rita, order);
    await world.report(order.id, 'submit');
    world.clock.advance(2 * 3_600_000);
    await expect(world.report(order.id, 'execute')).resolves.toMatchObject({ state: 'executed' });
    world.clock.advance(-2 * 3_600_000);
  });
});

describe('a trader of the initiating desk', () => {
  const beginner = { ...trader, desk: 'rates' };
  const playing = (desk: string | undefined, ...roles: readonly string[]) => ({
    ...rita,
    roles: ['trader', ...roles],
    ...(desk === undefined ? {} : { desk }),
  });
  const put = (...people: readonly { readonly id: typeof trader.id }[]) => {
    for (const person of people) world.directory.principals.set(person.id, person as typeof trader);
  };
  afterEach(() => put(trader, rita));

  it.each(['risk', 'desk-head', 'compliance', 'operations'])(
    'cannot check it as %s, nor stand in as such',
    async (role) => {
      put(beginner, playing('rates', role));
      const order = await world.begin('trade_order');
      await expect(world.approve(rita, order, { role })).rejects.toThrow(coded('duties_combined'));
      expect(world.refusalsOf(order.id)).toMatchObject([{ reason: 'duties_combined', subject: { id: rita.id } }]);
      put(playing('credit', role));
      await expect(world.approve(rita, order, { role })).resolves.toMatchObject({ role });
    },
  );

  it('may supervise it, and loses an approval as risk by joining the desk', async () => {
    put(beginner, playing('rates', 'supervisor'));
    const supervised = await world.begin('trade_order');
    await expect(world.approve(rita, supervised, { role: 'supervisor' })).resolves.toMatchObject({
      role: 'supervisor',
    });
    put(rita);
    const order = await world.open(await world.grant({ approvals: [{ role: 'risk', count: 1 }] }));
    await world.approve(rita, order);
    expect((await world.registry.facts(order.id))?.approvals).toMatchObject([{ role: 'risk' }]);
    put(playing('rates', 'risk'));
    expect((await world.registry.facts(order.id))?.approvals).toEqual([]);
    await expect(world.report(order.id, 'submit')).rejects.toThrow(coded('approval_required'));
  });
});

describe('the certifier or author of an algorithm', () => {
  const certifier = supervisor;
  const agent: Agent = {
    kind: 'agent',
    id: principalId('agent:vwap-1'),
    institution: broker,
    roles: ['trader'],
    model: {
      modelId: 'vwap',
      version: '3.2.1',
      artifactSha256: 'ab'.repeat(32),
      certificateId: 'CERT-7',
      status: 'Approved',
      certifiedBy: certifier.id,
      developedBy: secondSupervisor.id,
    },
  };

  it('cannot release its orders; somebody else can', async () => {
    world.directory.principals.set(agent.id, agent);
    const order = await world.begin('trade_order', {}, { id: agent.id, institution: broker });
    for (const person of [certifier, secondSupervisor]) {
      await expect(world.approve(person, order)).rejects.toThrow(coded('duties_combined'));
    }
    expect(world.refusalsOf(order.id)).toMatchObject([
      { reason: 'duties_combined', subject: { id: certifier.id } },
      { reason: 'duties_combined', subject: { id: secondSupervisor.id } },
    ]);
    await expect(world.approve(rita, order)).resolves.toMatchObject({ approver: rita.id });
  });

  it('can approve what others initiated', async () => {
    const order = await world.begin('trade_order');
    await expect(world.approve(certifier, order)).resolves.toMatchObject({ approver: certifier.id });
  });
});

describe('one actor', () => {
  it('cannot carry out what it approved', async () => {
    const change = await world.begin('privileged_admin');
    await world.approve(olga, change);
    await world.approve(oscar, change);
    await expect(world.step(change.id, 'apply', actor(olga))).rejects.toThrow(coded('duties_combined'));
    await expect(world.step(change.id, 'apply', actor(olaf))).resolves.toMatchObject({ state: 'applied' });
  });

  it('cannot carry it out even after its approval has expired', async () => {
    const change = await world.begin('privileged_admin');
    const iat = world.clock.now() / 1000;
    await world.approve(olaf, change, { iat, exp: iat + 60 });
    world.clock.advance(60_000);
    await world.approve(olga, change);
    await world.approve(oscar, change);
    await expect(world.step(change.id, 'apply', actor(olaf))).rejects.toThrow(coded('duties_combined'));
  });

  it('may carry it out after withdrawing its approval', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olaf, change);
    await world.approve(olga, change);
    await world.approve(oscar, change);
    await world.registry.withdrawApproval(change.id, given.id, actor(olaf));
    await expect(world.step(change.id, 'apply', actor(olaf))).resolves.toMatchObject({ state: 'applied' });
  });

  it('cannot approve a transaction that it has advanced', async () => {
    const entry = await world.begin('address_book_change');
    await world.step(entry.id, 'propose', actor(olga));
    await expect(world.approve(olga, entry)).rejects.toThrow(coded('duties_combined'));
    await expect(world.approve(oscar, entry)).resolves.toMatchObject({ approver: oscar.id });
  });

  it('must be a person where a person is required', async () => {
    const change = await world.begin('privileged_admin');
    await world.approve(olga, change);
    await world.approve(oscar, change);
    const machine = { id: 'service:deployer', institution: broker };
    await expect(world.step(change.id, 'apply', machine)).rejects.toThrow(coded('person_required'));
  });
});

describe('approvals in sequence', () => {
  async function proposed(): Promise<OpenedTransaction> {
    const entry = await world.begin('address_book_change');
    await world.step(entry.id, 'propose', actor(trader));
    return entry;
  }

  it('are accepted in that order; out of order they are refused and recorded, naming the one that comes first', async () => {
    const entry = await proposed();
    await expect(world.approve(carla, entry)).rejects.toThrow(
      coded('approval_out_of_turn', { facts: { before: [{ role: 'operations', count: 1, institution: broker }] } }),
    );
    expect(world.refusalsOf(entry.id)).toMatchObject([{ reason: 'approval_out_of_turn', subject: { id: carla.id } }]);
    await world.approve(olga, entry);
    await world.approve(carla, entry);
    await expect(world.step(entry.id, 'approve', actor(oscar))).resolves.toMatchObject({ state: 'approved' });
  });

  it('do not count when given before their turn, for another step', async () => {
    const entry = await world.begin('address_book_change');
    await world.approve(carla, entry);
    await world.step(entry.id, 'propose', actor(trader));
    await world.approve(olga, entry);
    await expect(world.step(entry.id, 'approve', actor(oscar))).rejects.toThrow(coded('approval_required'));
  });

  it('must be repeated in order when the first was withdrawn', async () => {
    const entry = await proposed();
    const first = await world.approve(olga, entry);
    await world.registry.withdrawApproval(entry.id, first.id, actor(olga));
    await expect(world.approve(carla, entry)).rejects.toThrow(coded('approval_out_of_turn'));
  });
});

describe('an approval is accepted', () => {
  it('whenever a step that may need it comes next, not only at the beginning', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    await expect(world.approve(supervisor, transaction)).resolves.toMatchObject({ approver: supervisor.id });
  });

  it('not while a step that needs none comes next, nor at the end; late ones are recorded with their approver', async () => {
    const { transaction } = await world.reach('submit');
    await expect(world.approve(supervisor, transaction)).rejects.toThrow(coded('approval_not_awaited'));
    for (const event of ['execute', 'clear', 'settle'] as const) await world.report(transaction.id, event);
    await expect(world.approve(supervisor, transaction)).rejects.toThrow(coded('approval_not_awaited'));
    expect(world.refusalsOf(transaction.id)).toMatchObject([
      { reason: 'approval_not_awaited', subject: { id: supervisor.id }, data: { state: 'submitted' } },
      { reason: 'approval_not_awaited', subject: { id: supervisor.id }, data: { state: 'settled' } },
    ]);
  });

  it('not after the intent has expired', async () => {
    const change = await world.begin('privileged_admin', { not_after: '2026-06-15T10:30:00Z' });
    const now = world.clock.now();
    world.clock.advance(Date.parse('2026-06-15T10:30:00Z') - now);
    await expect(world.approve(olga, change)).rejects.toThrow(coded('intent_expired'));
    expect(world.refusalsOf(change.id)).toMatchObject([{ reason: 'intent_expired', subject: { id: olga.id } }]);
    world.clock.advance(now - world.clock.now());
  });
});

describe('an approver', () => {
  it('of another institution counts only when a step requires its approval', async () => {
    const change = await world.begin('privileged_admin');
    await expect(world.approve(foreignOperations, change)).rejects.toThrow(coded('approval_institution'));
  });

  it('who is not active is refused, and their earlier approvals end', async () => {
    const change = await world.begin('privileged_admin');
    await world.approve(olga, change);
    world.directory.principals.set(olga.id, { ...olga, active: false });
    world.directory.principals.set(oscar.id, { ...oscar, active: false });
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
    await expect(world.approve(oscar, change)).rejects.toThrow(coded('approval_key_unknown'));
    for (const person of [olga, oscar]) world.directory.principals.set(person.id, person);
  });
});
