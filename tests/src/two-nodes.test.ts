import { join } from 'node:path';
import { createTransport, generateSigningKey, stepOf, type Transport } from '@countersign/sdk';
import { freePort, startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import {
  clientAssertion,
  clientAssertionType,
  jwtBearerGrant,
  postToken,
  proofOf,
  type TokenAnswer,
} from './testing/credentials.ts';
import { doors } from './testing/firms.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, openTrading, type Trading } from './testing/trading.ts';

// One issuer, two control planes, one database: as behind a load balancer.

const folder = scratchFolder();
let database: TestServer;
let nodes: readonly [RunningControlPlane, RunningControlPlane];
let addresses: readonly [string, string];
let trading: Trading;
let issuer: string;

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  const port = await freePort();
  issuer = configuration.issuer;
  addresses = [issuer, `http://127.0.0.1:${port}`];
  // In sequence, as for a rolling start: simultaneous starts are tested with the migrations.
  const first = await runControlPlane(configuration);
  // Each with its own head guard: each node remembers what it signed.
  const second = await runControlPlane({
    ...configuration,
    listen: { ...configuration.listen, port },
    publication: { headGuardFolder: join(folder.path, 'second-log-head') },
  });
  nodes = [first, second];
  trading = await openTrading(first);
});
afterAll(async () => {
  await trading?.stop();
  await Promise.all((nodes ?? []).map((node) => node.stop()));
  await database?.stop();
  folder.remove();
});

/** A transport that routes requests for the issuer to one node. */
function towards(address: string): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, address) }) };
}

/** A hundred at once, alternating between the nodes. */
const hundredAtOnce = (redeem: (endpoint: string) => Promise<TokenAnswer>): Promise<readonly TokenAnswer[]> =>
  Promise.all(Array.from({ length: 100 }, (_, index) => redeem(`${addresses[index % 2 === 0 ? 0 : 1]}/token`)));

function expectOneOf(
  answers: readonly TokenAnswer[],
  refusal: { readonly error: string; readonly reason: string },
): void {
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const refusals = answers.filter(({ status }) => status !== 200).map(({ error, reason }) => ({ error, reason }));
  expect(refusals).toEqual(Array.from({ length: 99 }, () => refusal));
}

const brokerForm = (assertion: string) => ({
  grant_type: 'client_credentials',
  client_id: 'brk-orders',
  client_assertion_type: clientAssertionType,
  client_assertion: assertion,
  resource: `${issuer}/decisions`,
  scope: 'decision:evaluate',
});
const brokerAssertion = () => clientAssertion(issuer, { clientId: 'brk-orders', key: trading.firms.key('brk-orders') });
const freshProof = () => proofOf(generateSigningKey(), { method: 'POST', url: `${issuer}/token` });

describe('two nodes on one database', () => {
  it('accept one client assertion once', async () => {
    const assertion = await brokerAssertion();
    const answers = await hundredAtOnce(async (endpoint) =>
      postToken(endpoint, brokerForm(assertion), await freshProof()),
    );
    expectOneOf(answers, { error: 'invalid_client', reason: 'client_assertion_replayed' });
  });

  it('accept one DPoP proof once', async () => {
    const proof = await freshProof();
    const answers = await hundredAtOnce(async (endpoint) =>
      postToken(endpoint, brokerForm(await brokerAssertion()), proof),
    );
    expectOneOf(answers, { error: 'invalid_dpop_proof', reason: 'proof_replayed' });
  });

  it('accept one federated assertion once', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate);
    const assertion = await trading.assertion();
    const key = trading.firms.key('ha-oms');
    await vi.waitFor(
      () => trading.traderToken(order, undefined, trading.firms.client('ha-oms', { transport: towards(addresses[1]) })),
      60_000,
    );
    const answers = await hundredAtOnce(async (endpoint) =>
      postToken(
        endpoint,
        {
          grant_type: jwtBearerGrant,
          assertion,
          client_id: 'ha-oms',
          client_assertion_type: clientAssertionType,
          client_assertion: await clientAssertion(issuer, { clientId: 'ha-oms', key }),
          resource: doors.broker,
          scope: 'order:create',
          authorization_details: JSON.stringify([order]),
        },
        await freshProof(),
      ),
    );
    expectOneOf(answers, { error: 'invalid_grant', reason: 'assertion_replayed' });
  });

  it('accept one proof at a protected interface once', async () => {
    const key = generateSigningKey();
    const proof = await proofOf(key, { method: 'POST', url: `${issuer}/token` });
    const { accessToken = '' } = await postToken(`${issuer}/token`, brokerForm(await brokerAssertion()), proof);
    const dpop = await proofOf(key, { method: 'GET', url: `${issuer}/decisions/policy`, accessToken });
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const url = `${addresses[index % 2 === 0 ? 0 : 1]}/decisions/policy`;
        return (await fetch(url, { headers: { authorization: `DPoP ${accessToken}`, dpop } })).status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(39);
  });

  it('refuse a mandate that was revoked on the other', async () => {
    const { mandate } = await trading.grantMandates();
    const onSecond = trading.firms.client('ha-oms', { transport: towards(addresses[1]) });
    const attempt = () => codeOf(() => trading.traderToken(trading.order(mandate), undefined, onSecond));
    await vi.waitFor(() => trading.traderToken(trading.order(mandate), undefined, onSecond), 60_000);
    await trading.revoke(mandate);
    await vi.waitFor(async () => expect(await attempt()).toBe('access_denied mandate_revoked'), {
      timeout: 60_000,
      interval: 10,
    });
    // And it stays refused.
    for (let again = 0; again < 5; again++) expect(await attempt()).toBe('access_denied mandate_revoked');
  });

  it('refuse a client that was removed from the directory on the other, and its tokens', async () => {
    const { firms } = trading;
    const onSecond = firms.client('ven-events', { transport: towards(addresses[1]) });
    const request = { resource: `${issuer}/events`, scope: 'event:read' };
    const token = await onSecond.clientCredentials(request);
    const { clients, services, ...rest } = firms.directoryDocument();
    const without = {
      ...rest,
      services: services?.filter(({ id }) => id !== 'service:ven-events') ?? [],
      clients: clients?.filter(({ id }) => id !== 'ven-events') ?? [],
    };
    await nodes[0].operator.call('directory', 'directory:apply', {
      method: 'POST',
      path: '/directory/apply?prune=true',
      body: without,
    });
    await vi.waitFor(
      async () => expect(await codeOf(() => onSecond.clientCredentials(request))).toMatch(/^invalid_client /),
      {
        timeout: 60_000,
        interval: 10,
      },
    );
    const used = await onSecond.call(token, { method: 'GET', url: `${issuer}/events` });
    expect(used).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    // Its id is never reused, on any node.
    for (const { operator } of nodes) {
      const again = () =>
        operator.call('directory', 'directory:apply', {
          method: 'POST',
          path: '/directory/apply',
          body: firms.directoryDocument(),
        });
      expect(await codeOf(again)).toBe('id_not_reusable');
    }
  });

  it('settle once when both are asked at once', async () => {
    const { mandate } = await trading.grantMandates();
    const order = trading.order(mandate);
    const token = await trading.traderToken(order);
    const transaction = String(claimsOf(token)['txn']);
    await trading.carry(order, transaction, 'cleared');
    const url = `${issuer}/transactions/${transaction}/transitions`;
    const clients = addresses.map((address) => trading.firms.client('cus-core', { transport: towards(address) }));
    const receipts = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 20 }, async () => {
          const settling = await client.clientCredentials({
            resource: `${issuer}/transactions`,
            scope: 'settlement:release',
            authorizationDetails: [stepOf({ issuer, transaction, event: 'settle' })],
          });
          const body = { event: 'settle', body: { settled_qty: order.max_qty } };
          return (await client.callOrThrow(settling, { method: 'POST', url, idempotencyKey: 'S-1', body })) as {
            recordId: string;
            replayed: boolean;
          };
        }),
      ),
    );
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ recordId }) => recordId)).size).toBe(1);
  });

  it('agree on one successor when both rotate at once, and accept what the other has issued', async () => {
    const rotated = await Promise.all(
      nodes.map(({ components }) => components.signers['access-token'].rotate('access-token')),
    );
    expect(new Set(rotated.map(({ kid }) => kid)).size).toBe(1);
    const key = generateSigningKey();
    const url = `${issuer}/decisions/policy`;
    for (const [issuing, serving] of [addresses, [addresses[1], addresses[0]]] as const) {
      const proof = await proofOf(key, { method: 'POST', url: `${issuer}/token` });
      const { accessToken = '' } = await postToken(`${issuing}/token`, brokerForm(await brokerAssertion()), proof);
      const dpop = await proofOf(key, { method: 'GET', url, accessToken });
      const headers = { authorization: `DPoP ${accessToken}`, dpop };
      expect((await fetch(`${serving}/decisions/policy`, { headers })).status).toBe(200);
    }
  });

  it('write one consistent log with every token that either has issued', async () => {
    const clients = addresses.map((address) => trading.firms.client('brk-orders', { transport: towards(address) }));
    const tokens = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 50 }, () =>
          client.clientCredentials({ resource: `${issuer}/decisions`, scope: 'decision:evaluate' }),
        ),
      ),
    );
    for (const node of nodes) expect(await node.components.auditLog.verify()).toMatchObject({ ok: true });
    const checkpoints = await Promise.all(
      addresses.map(async (address) => (await fetch(`${address}/log/checkpoint`)).text()),
    );
    const origins = new Set(checkpoints.map((note) => note.split('\n')[0]));
    expect(origins.size).toBe(1);
    for (const token of tokens) {
      const evidence = String(claimsOf(token)['evidence']);
      // Whichever node wrote it, the other finds it.
      const found = await Promise.all(nodes.map(({ components }) => components.auditLog.find(evidence as never)));
      expect(found.map((entry) => entry?.record.id)).toEqual([evidence, evidence]);
    }
  });
});
