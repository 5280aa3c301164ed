import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  clearer,
  custodian,
  fundSignatory,
  personOf,
  stranger,
} from '../../consent-store/src/testing/firms.ts';
import { asCaller, openGuard } from '../../consent-store/src/testing/open-guard.ts';
import { transactionRegistryRoutes } from './index.ts';
import { createLivesWorld, type LivesWorld, riskOfficer, type trader } from './testing/lives-world.ts';

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
    guard: openGuard,
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
    headers: { ...asCaller(person, [scope]), ...(key === undefined ? {} : { 'idempotency-key': key }) },
  });
const get = (url: string, person: typeof trader, scope: string) =>
  app.inject({ method: 'GET', url, headers: asCaller(person, [scope]) });
const step = (id: string, person: typeof trader, scope: string, event: string, body = {}) =>
  post(`/transactions/${id}/transitions`, person, scope, { event, body }, `http-${id}-${event}`);

describe('lives over HTTP', () => {
  it('needs for an event the scope of this kind of intent, not that of another', async () => {
    const { id } = await world.begin('regulatory_report');
    const wrong = await step(id, atBroker, 'order:create', 'submit');
    expect([wrong.statusCode, wrong.json().code]).toEqual([403, 'insufficient_scope']);
    const hidden = await step(id, outsider, 'order:create', 'submit');
    expect([hidden.statusCode, hidden.json().code]).toEqual([404, 'transaction_not_found']);
    expect((await step(id, atBroker, 'report:submit', 'submit')).json()).toMatchObject({ state: 'submitted' });
  });

  it('shows a request for quotes to whoever is asked, once they are, and not the limits of whoever asks', async () => {
    const { id, intentDigest } = await world.begin('rfq');
    const read = (person: typeof trader) => get(`/transactions/${id}`, person, 'trade:read');
    expect((await read(atClearer)).statusCode).toBe(404);
    expect((await step(id, atBroker, 'rfq:create', 'request')).statusCode).toBe(200);
    const { intent, ...shown } = (await read(atClearer)).json();
    expect(shown).toMatchObject({ state: 'requested', intentDigest });
    expect(intent).toMatchObject({ max_qty: '1000', side: 'BUY' });
    for (const own of ['limit_price', 'max_notional', 'account', 'counterparties_lei']) {
      expect(intent).not.toHaveProperty(own);
      expect((await read(atBroker)).json().intent).toHaveProperty(own);
    }
    expect((await read(outsider)).statusCode).toBe(404);
  });

  it('tells the parties what happened, in order', async () => {
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

  it('lists what an institution has to deal with, and lets the right person resolve it', async () => {
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
