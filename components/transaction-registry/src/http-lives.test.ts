import { parseId } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  clearer,
  custodian,
  fund,
  fundSignatory,
  personOf,
  stranger,
} from '../../consent-store/src/testing/firms.ts';
import { transactionRegistryRoutes } from './index.ts';
import {
  createLivesWorld,
  everything,
  firstOperator,
  type LivesWorld,
  releaser,
  riskOfficer,
  secondOperator,
  trader,
} from './testing/lives-world.ts';

let world: LivesWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
const atBroker = personOf(broker, 'desk-0');
const atClearer = personOf(clearer, 'desk-1');
const atCustodian = personOf(custodian, 'desk-2');
const outsider = personOf(stranger, 'desk-3');

beforeAll(async () => {
  world = await createLivesWorld();
  transactionRegistryRoutes(app, {
    transactions: world.registry,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
    envelopeKeys: () => world.keyring.publicKeys('envelope'),
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

const post = (url: string, person: typeof trader, scope: string, payload: object, key?: string) =>
  app.inject({
    method: 'POST',
    url,
    payload,
    headers: { ...asCaller(person, [scope], aboutIn(url)), ...(key === undefined ? {} : { 'idempotency-key': key }) },
  });
/** A token is issued for the transaction that it continues. */
function aboutIn(url: string) {
  const transaction = parseId('transaction', url.split('/')[2]);
  return transaction === undefined ? {} : { transaction };
}
const get = (url: string, person: typeof trader, scope: string) =>
  app.inject({ method: 'GET', url, headers: asCaller(person, [scope]) });
const step = (id: string, person: typeof trader, scope: string, event: string, body = {}) =>
  post(`/transactions/${id}/transitions`, person, scope, { event, body }, `http-${id}-${event}`);

describe('life cycles over HTTP', () => {
  it('require for an event the scope of its kind of intent', async () => {
    const { id } = await world.begin('regulatory_report');
    const wrong = await step(id, atBroker, 'order:create', 'submit');
    expect([wrong.statusCode, wrong.json().code]).toEqual([403, 'insufficient_scope']);
    const hidden = await step(id, outsider, 'order:create', 'submit');
    expect([hidden.statusCode, hidden.json().code]).toEqual([404, 'transaction_not_found']);
    expect((await step(id, atBroker, 'report:submit', 'submit')).json()).toMatchObject({ state: 'submitted' });
  });

  it('show a request for quotes to the asked firms once they are asked, without the limits of the asking firm', async () => {
    const { id, intentDigest } = await world.begin('rfq');
    const read = (person: typeof trader) => get(`/transactions/${id}`, person, 'trade:read');
    expect((await read(atClearer)).statusCode).toBe(404);
    expect((await step(id, atBroker, 'rfq:create', 'request')).statusCode).toBe(200);
    const { intent, ...shown } = (await read(atClearer)).json();
    expect(shown).toMatchObject({ state: 'requested', intentDigest });
    expect(intent).toMatchObject({ max_qty: '1000', side: 'BUY' });
    for (const own of ['limit_price', 'max_notional', 'account', 'counterparties_lei', 'idempotency_key']) {
      expect(intent).not.toHaveProperty(own);
      expect((await read(atBroker)).json().intent).toHaveProperty(own);
    }
    expect((await read(outsider)).statusCode).toBe(404);
  });

  it('reveal to no other firm who initiated or approved it, or the details of an exception', async () => {
    const root = await world.grant({ constraints: { ...everything, approvals: [{ role: 'risk', count: 1 }] } });
    const settlement = await world.begin('settlement_instruction', {}, root);
    const { id } = settlement;
    await world.approve(settlement, riskOfficer);
    await step(id, atBroker, 'settlement:instruct', 'instruct');
    const read = async (person: typeof trader) =>
      (await get(`/transactions/${id}`, person, 'settlement:read')).json() as Record<string, unknown>;
    expect(await read(atBroker)).toMatchObject({ initiator: trader.id, approvals: [{ approver: riskOfficer.id }] });
    const shown = await read(atCustodian);
    expect(shown).toMatchObject({ state: 'instructed', initiatorInstitution: broker, approvals: [] });
    expect(shown).not.toHaveProperty('initiator');

    await step(id, atCustodian, 'settlement:affirm', 'affirm');
    await step(id, atBroker, 'settlement:release', 'release');
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    const refused = await step(id, atCustodian, 'settlement:affirm', 'settle');
    expect(refused.json()).toMatchObject({ code: 'mandate_lapsed', facts: { reason: 'mandate_suspended' } });
    expect(refused.json().detail).not.toContain(root.id);
    const again = await step(id, atCustodian, 'settlement:affirm', 'fail');
    expect(again.json().detail).not.toContain(root.id);
    const list = async (person: typeof trader) =>
      (await get(`/transactions/exceptions?transaction=${id}`, person, 'exception:read')).json().exceptions;
    const [own] = await list(atBroker);
    expect(own.detail).toContain(root.id);
    const url = `/transactions/exceptions/${own.id}/resolution`;
    const asked = { kind: 'abandoned', reason: 'Client under review' };
    expect((await post(url, firstOperator, 'exception:resolve', asked)).statusCode).toBe(200);
    expect((await list(atBroker))[0].resolution).toMatchObject({ by: firstOperator.id, reason: asked.reason });
    const [theirs] = await list(atCustodian);
    expect(theirs).toMatchObject({ id: own.id, status: 'resolved', resolution: { kind: 'abandoned' } });
    for (const secret of [root.id, firstOperator.id, asked.reason])
      expect(JSON.stringify(theirs)).not.toContain(secret);
  });

  it('let nobody release what they initiated themselves, even in the name of another', async () => {
    const address = await world.activeAddress();
    const withdrawal = await world.begin('withdrawal', { address_id: address });
    await world.step(withdrawal.id, 'request');
    await world.approve(withdrawal, firstOperator, secondOperator);
    const release = await app.inject({
      method: 'POST',
      url: `/transactions/${withdrawal.id}/transitions`,
      payload: { event: 'release', body: {} },
      headers: {
        ...asCaller(releaser, ['withdrawal:release'], { actors: [trader.id], transaction: withdrawal.id }),
        'idempotency-key': 'release-in-the-name-of-another',
      },
    });
    expect(release.json().code).toBe('duties_combined');
    expect(world.recordsOf(withdrawal.id).at(-1)).toMatchObject({ actors: [{ id: trader.id }] });
  });

  it('show an approver of another firm only the names of their own people', async () => {
    const order = await world.open((await world.mandates()).root, { entity_lei: fund });
    await world.approve(order, riskOfficer);
    const view = async (person: typeof trader) =>
      (await get(`/transactions/${order.id}/approval`, person, 'order:approve')).json() as Record<string, unknown>;
    expect(await view(atBroker)).toMatchObject({ initiator: trader.id, approvals: [{ approver: riskOfficer.id }] });
    const theirs = await view(fundSignatory);
    expect(theirs).toMatchObject({ initiatorInstitution: broker, approvals: [{ role: 'risk', institution: broker }] });
    for (const name of [trader.id, riskOfficer.id]) expect(JSON.stringify(theirs)).not.toContain(name);
  });

  it('report events to the parties in order', async () => {
    const { id } = await world.begin('settlement_instruction');
    await step(id, atBroker, 'settlement:instruct', 'instruct');
    await step(id, atCustodian, 'settlement:affirm', 'affirm');
    const history = await get(`/transactions/${id}/history`, atCustodian, 'settlement:read');
    expect(history.json().steps).toMatchObject([
      { event: 'instruct', version: 1 },
      { event: 'affirm', version: 2, state: 'affirmed' },
    ]);
    expect((await get(`/transactions/${id}/history`, outsider, 'settlement:read')).statusCode).toBe(404);
    expect((await get(`/transactions/${id}/history`, atCustodian, 'settlement:affirm')).statusCode).toBe(403);
  });

  it('list an institution’s open exceptions, and let the right person resolve them', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow();
    const list = async (person: typeof trader, query: string) =>
      (await get(`/transactions/exceptions?transaction=${transaction.id}&${query}`, person, 'exception:read')).json()
        .exceptions as { id: string }[];
    const [exception] = await list(atBroker, 'own=true');
    expect(exception).toMatchObject({ cause: 'mandate', owner: broker, overdue: false, status: 'open' });
    expect(await list(atCustodian, 'own=true')).toEqual([]);
    expect(await list(atCustodian, 'own=false')).toMatchObject([{ id: exception?.id }]);
    expect(await list(atBroker, 'overdue=true')).toEqual([]);
    const url = `/transactions/exceptions/${exception?.id}/resolution`;
    const asked = { kind: 'abandoned', reason: 'No longer wanted' };
    expect((await post(url, riskOfficer, 'exception:read', asked)).statusCode).toBe(403);
    expect((await post(url, atBroker, 'exception:resolve', asked)).json().code).toBe('exception_authority');
    expect((await post(url, outsider, 'exception:resolve', asked)).statusCode).toBe(404);
    expect((await post(url, riskOfficer, 'exception:resolve', { ...asked, by: 'x' })).statusCode).toBe(400);
    expect((await post(url, riskOfficer, 'exception:resolve', asked)).json()).toMatchObject({
      status: 'resolved',
      resolution: { kind: 'abandoned', by: riskOfficer.id },
    });
    expect((await get(`/transactions/${transaction.id}`, atBroker, 'order:read')).json().state).toBe('failed');
    const unknown = '/transactions/exceptions/exc_00000000000000000000000000/resolution';
    expect((await post(unknown, riskOfficer, 'exception:resolve', asked)).statusCode).toBe(404);
  });
});
