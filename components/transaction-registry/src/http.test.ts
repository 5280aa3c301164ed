import { newId, parseId, systemClock, systemRandom } from '@countersign/kernel';
import { transactionStepType } from '@countersign/market';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  clearer,
  custodian,
  fundSignatory,
  personOf,
  stranger,
  venue,
} from '../../consent-store/src/testing/firms.ts';
import { transactionRegistryRoutes } from './index.ts';
import { approvalClaims } from './testing/approver.ts';
import { createTradingWorld, goodBody, supervisor, type TradingWorld, type trader } from './testing/trading-world.ts';

let world: TradingWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
const [atBroker, atVenue, atClearer, atCustodian, outsider] = [broker, venue, clearer, custodian, stranger].map(
  (lei, index) => personOf(lei, `desk-${index}`),
) as [typeof trader, typeof trader, typeof trader, typeof trader, typeof trader];

beforeAll(async () => {
  world = await createTradingWorld();
  transactionRegistryRoutes(app, {
    transactions: world.registry,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
    envelopeKeys: async () => [],
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

type Caller = Parameters<typeof asCaller>;
/** By a token that was issued for the transaction, unless the token itself names another purpose. */
function post(url: string, [person, scope, more]: Caller, payload: object, headers: Record<string, string> = {}) {
  const transaction = parseId('transaction', url.split('/')[2]);
  const about = more ?? (transaction === undefined ? {} : { transaction });
  return app.inject({ method: 'POST', url, payload, headers: { ...asCaller(person, scope, about), ...headers } });
}
function get(url: string, caller: Caller) {
  return app.inject({ method: 'GET', url, headers: asCaller(...caller) });
}

describe('transactions over HTTP', () => {
  it('go from approval to settlement, each party under its own scope', async () => {
    const { root } = await world.mandates();
    const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const transitions = `/transactions/${order.id}/transitions`;
    const submit = () =>
      post(
        transitions,
        [atBroker, ['order:create']],
        { event: 'submit', body: {} },
        { 'idempotency-key': 'http-submit' },
      );

    const refused = await submit();
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'approval_required']);
    const jws = world.keyOf(supervisor).sign(approvalClaims(supervisor, order, world.clock.now()));
    const approved = await post(`/transactions/${order.id}/approvals`, [supervisor, ['order:approve']], { jws });
    expect([approved.statusCode, approved.json().approver]).toEqual([201, supervisor.id]);
    expect((await submit()).json()).toMatchObject({ state: 'submitted', replayed: false });
    expect((await submit()).json()).toMatchObject({ state: 'submitted', replayed: true });

    for (const [event, person, scope, state] of [
      ['execute', atVenue, 'trade:affirm', 'executed'],
      ['clear', atClearer, 'settlement:instruct', 'cleared'],
      ['settle', atCustodian, 'settlement:release', 'settled'],
    ] as const) {
      const answer = await post(
        transitions,
        [person, [scope]],
        { event, body: goodBody[event] },
        { 'idempotency-key': `http-${event}` },
      );
      expect([answer.statusCode, answer.json().state]).toEqual([200, state]);
    }
  });

  it('require for each event its own scope, and an idempotency key', async () => {
    const { transaction } = await world.reach();
    const url = `/transactions/${transaction.id}/transitions`;
    const payload = { event: 'submit', body: {} };
    expect(
      (await post(url, [atBroker, ['settlement:release']], payload, { 'idempotency-key': 'http-scope' })).statusCode,
    ).toBe(403);
    expect((await post(url, [atBroker, ['order:create']], payload)).json()).toMatchObject({
      status: 400,
      code: 'idempotency_key_missing',
    });
    expect((await app.inject({ method: 'POST', url, payload })).statusCode).toBe(401);
  });

  it('refuse a token that was issued for another transaction', async () => {
    const [one, other] = [await world.reach(), await world.reach()];
    const answer = await post(
      `/transactions/${one.transaction.id}/transitions`,
      [atBroker, ['order:create'], { transaction: other.transaction.id }],
      { event: 'submit', body: {} },
      { 'idempotency-key': 'http-bound' },
    );
    expect(answer.json()).toMatchObject({ status: 403, code: 'transition_not_permitted' });
  });

  it('accept only a cancellation with a token for no transaction, and only the steps that a token is for', async () => {
    const { transaction } = await world.reach();
    const url = `/transactions/${transaction.id}/transitions`;
    const ask = (scope: string, event: string, more: Caller[2]) =>
      post(url, [atBroker, [scope], more], { event, body: {} }, { 'idempotency-key': `http-${event}-${scope}` });
    const reasonOf = (answer: Awaited<ReturnType<typeof ask>>) => answer.json().facts?.reasons?.[0]?.code;
    const bare = await ask('order:create', 'submit', {});
    expect([bare.statusCode, bare.json().code, reasonOf(bare)]).toEqual([
      403,
      'transition_not_permitted',
      'token_without_transaction',
    ]);
    const step = (actions: string[]) => ({
      transaction: transaction.id,
      authorizationDetails: [
        {
          type: transactionStepType as typeof transactionStepType,
          locations: ['https://countersign.example/transactions'],
          actions,
          transaction: transaction.id,
          mandate: { id: newId('mandate', { clock: systemClock, random: systemRandom }), version: 1 },
        },
      ],
    });
    expect(reasonOf(await ask('order:create', 'submit', step(['execute', 'cancel'])))).toBe('token_step');
    expect((await ask('order:create', 'submit', step(['submit']))).json()).toMatchObject({ state: 'submitted' });
    expect((await ask('order:cancel', 'cancel', {})).json()).toMatchObject({ state: 'cancelled' });
  });

  it.each([['order:read'], ['trade:read'], ['settlement:read']])(
    'are shown to their parties under %s',
    async (scope) => {
      const { transaction } = await world.reach('submit');
      for (const person of [atBroker, atVenue, atClearer, atCustodian]) {
        const answer = await get(`/transactions/${transaction.id}`, [person, [scope]]);
        expect(answer.json()).toMatchObject({
          id: transaction.id,
          state: 'submitted',
          intentDigest: transaction.intentDigest,
        });
      }
    },
  );

  it('are shown under no other scope, and to nobody else, whose answer does not reveal them', async () => {
    const { transaction } = await world.reach();
    const url = `/transactions/${transaction.id}`;
    expect((await get(url, [atBroker, ['order:create']])).statusCode).toBe(403);
    const hidden = await get(url, [outsider, ['order:read']]);
    const absent = await get('/transactions/txn_00000000000000000000000000', [outsider, ['order:read']]);
    expect(hidden.statusCode).toBe(404);
    expect(hidden.json()).toEqual(absent.json());
    const approval = await post(`${url}/approvals`, [outsider, ['order:approve']], { jws: 'x' });
    expect(approval.json()).toEqual(absent.json());
    const step = await post(
      `${url}/transitions`,
      [outsider, ['order:create']],
      { event: 'submit', body: {} },
      { 'idempotency-key': 'http-outsider' },
    );
    expect(step.json()).toEqual(absent.json());
  });

  it('accept approvals only from the initiating institution', async () => {
    const { transaction } = await world.reach();
    const answer = await post(`/transactions/${transaction.id}/approvals`, [atClearer, ['order:approve']], {
      jws: 'x',
    });
    expect(answer.json()).toMatchObject({ status: 403, code: 'approval_institution' });
  });

  it('show exceptions only to the parties of their transactions', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow();
    const read = async (person: typeof trader, query = '') =>
      (await get(`/transactions/exceptions${query}`, [person, ['settlement:read']])).json().exceptions as {
        transaction: string;
      }[];
    const query = `?transaction=${transaction.id}&status=open`;
    expect(await read(atCustodian, query)).toMatchObject([
      { transaction: transaction.id, event: 'clear', reason: 'mandate_revoked' },
    ]);
    expect((await read(atBroker)).map((exception) => exception.transaction)).toContain(transaction.id);
    expect(await read(atBroker, '?status=resolved')).toEqual([]);
    expect(await read(outsider)).toEqual([]);
    expect(await read(outsider, query)).toEqual([]);
  });

  it.each([
    ['an event there is not', { event: 'explode', body: {} }],
    ['no body', { event: 'submit' }],
    ['a body that is a list', { event: 'submit', body: [] }],
    ['a member beside', { event: 'submit', body: {}, state: 'settled' }],
  ])('refuse a transition with %s', async (_, payload) => {
    const { transaction } = await world.reach();
    const answer = await post(`/transactions/${transaction.id}/transitions`, [atBroker, ['order:create']], payload, {
      'idempotency-key': 'http-shape',
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
