import { randomUUID } from 'node:crypto';
import type { TransitionReceipt } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import { generateSigningKey, refusalOf, stepOf } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientAssertion, clientAssertionType, postToken, proofOf } from '../testing/credentials.ts';
import { leis } from '../testing/firms.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import type { Change } from './testing/intents.ts';
import { bookAccount, executedTrade } from './testing/settling.ts';
import { type Begun, openWorkflowWorld, type WorkflowWorld } from './testing/workflow-world.ts';

// A settlement is requested again: after a time-out, by mistake, or by an attacker with a recorded request, in this region or
// the other. It happens once.

const regions = ['eu-central', 'eu-west'];
const both = [0, 1] as const;

let world: WorkflowWorld;
let mandate: MandateId;
/** Executed for 810,000 EUR: enough for every settlement here. */
let trade_id: string;
beforeAll(async () => {
  world = await openWorkflowWorld(regions);
  mandate = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
  trade_id = await executedTrade(world, mandate);
  await bookAccount(world, 'arranger', { lei: leis.custodian, account: 'CASH-9' }, mandate);
});
afterAll(() => world?.stop());

const begin = (change: Change = {}, under = mandate, node = 0): Promise<Begun> =>
  world.begin('ha-settlements', 'settlement:instruct', world.intents.settlement(under, { trade_id, ...change }), node);

const instruct = (transaction: string, key: string = randomUUID(), node = 0) =>
  world.step('ha-settlements', 'instruct', transaction, { scope: 'settlement:instruct', key, node });

const settle = (transaction: string, key: string, node = 0, body: Change = { amount: '40000' }) =>
  world.step('cus-settlements', 'settle', transaction, { scope: 'settlement:affirm', key, node, body });

/** A settlement that the arranger has released, and that the custodian has yet to report as settled. */
async function released(): Promise<string> {
  const { transaction } = await begin();
  await instruct(transaction);
  await world.step('cus-settlements', 'affirm', transaction, { scope: 'settlement:affirm' });
  await world.step('ha-settlements', 'release', transaction, { scope: 'settlement:release' });
  return transaction;
}

/** The records of completed steps, by event. */
const stepsOf = async (transaction: string): Promise<readonly unknown[]> =>
  (await world.recordsOf(transaction, 'transaction.transitioned')).map(
    ({ data }) => (data as { readonly event?: unknown }).event,
  );

/** Twenty in each region, at once, each with its given key. */
async function atOnce(transaction: string, keyOf: (index: number) => string) {
  const url = `${world.issuer}/transactions/${transaction}/transitions`;
  const request = {
    resource: `${world.issuer}/transactions`,
    scope: 'settlement:affirm',
    authorizationDetails: [stepOf({ issuer: world.issuer, transaction, event: 'settle' })],
  };
  const hands = await Promise.all(
    both.map(async (node) => {
      const client = world.software('cus-settlements', node);
      return { client, token: await client.clientCredentials(request) };
    }),
  );
  return Promise.all(
    hands.flatMap(({ client, token }, node) =>
      Array.from({ length: 20 }, (_, index) =>
        client.call(token, {
          method: 'POST',
          url,
          idempotencyKey: keyOf(node * 20 + index),
          body: { event: 'settle', body: { amount: '40000' } },
        }),
      ),
    ),
  );
}

describe('a settlement repeated under its key', () => {
  it.each(both)('gets the first receipt, also in the other region (%i)', async (first) => {
    const transaction = await released();
    const second = first === 0 ? 1 : 0;
    const receipt = await settle(transaction, 'settle-1', first);
    expect(receipt).toMatchObject({ state: 'settled', replayed: false });
    for (const node of [second, first])
      expect(await settle(transaction, 'settle-1', node)).toEqual({ ...receipt, replayed: true });
    expect(await stepsOf(transaction)).toEqual(['instruct', 'affirm', 'release', 'settle']);
  });

  it('happens once when both regions are asked at once', async () => {
    const transaction = await released();
    const answers = await atOnce(transaction, () => 'settle-1');
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const receipts = answers.map(({ body }) => body as TransitionReceipt);
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ recordId }) => recordId)).size).toBe(1);
    expect((await stepsOf(transaction)).filter((event) => event === 'settle')).toHaveLength(1);
  });

  it('is a conflict with another body or for another step, in either region, and the attempt is in the log', async () => {
    const transaction = await released();
    const receipt = await settle(transaction, 'settle-1');
    const fail = (node: number) =>
      world.step('cus-settlements', 'fail', transaction, { scope: 'settlement:affirm', key: 'settle-1', node });
    for (const node of both) {
      expect(await codeOf(() => settle(transaction, 'settle-1', node, { amount: '39999' }))).toBe(
        'idempotency_conflict',
      );
      expect(await codeOf(() => settle(transaction, 'settle-1', node, {}))).toBe('idempotency_conflict');
      expect(await codeOf(() => fail(node))).toBe('idempotency_conflict');
    }
    const refused = await world.recordsOf(transaction, 'transaction.refused');
    expect(refused.map(({ reason, references }) => [reason, references?.includes(receipt.recordId)])).toEqual(
      Array.from({ length: 6 }, () => ['idempotency_conflict', true]),
    );
    expect(await settle(transaction, 'settle-1', 1)).toEqual({ ...receipt, replayed: true });
  });

  it('is separate per firm: another firm’s request under the same key is unrelated', async () => {
    const { transaction } = await begin();
    const own = await instruct(transaction, 'shared-key');
    const theirs = await world.step('cus-settlements', 'affirm', transaction, {
      scope: 'settlement:affirm',
      key: 'shared-key',
      node: 1,
    });
    expect(theirs).toMatchObject({ state: 'affirmed', replayed: false });
    expect(theirs.recordId).not.toBe(own.recordId);
  });
});

describe('a settlement repeated under other keys', () => {
  it('happens once when both regions are asked at once', async () => {
    const transaction = await released();
    const answers = await atOnce(transaction, (index) => `settle-${index}`);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.map((answer) => refusalOf(answer).code)).toEqual(
      Array.from({ length: 39 }, () => 'transition_out_of_order'),
    );
    expect((await stepsOf(transaction)).filter((event) => event === 'settle')).toHaveLength(1);
    // Refused callers are in the log too.
    expect(await world.recordsOf(transaction, 'transaction.refused')).toHaveLength(39);
  });
});

describe('a repeated instruction', () => {
  it('is one transaction, whichever region is asked, and however often at once', async () => {
    const detail = world.intents.settlement(mandate, { trade_id });
    const begun = await Promise.all(
      Array.from({ length: 10 }, (_, index) => world.begin('ha-settlements', 'settlement:instruct', detail, index % 2)),
    );
    expect(new Set(begun.map(({ transaction }) => transaction)).size).toBe(1);
  });

  it('is a conflict under the same key with another receiver or amount', async () => {
    const { detail } = await begin();
    for (const node of both)
      for (const change of [{ amount: '40001' }, { receiver: { lei: leis.custodian, account: 'CASH-8' } }]) {
        const other = world.intents.settlement(mandate, { trade_id, ...detail, ...change });
        expect(await codeOf(() => world.begin('ha-settlements', 'settlement:instruct', other, node))).toBe(
          'invalid_authorization_details idempotency_conflict',
        );
      }
  });

  it('counts once against the limits', async () => {
    const tight = await world.mandates.grant({
      from: 'assetManager',
      to: 'arranger',
      constraints: {
        notionalPerDay: { amount: '80000', ccy: 'EUR' },
        notionalPerOrder: { amount: '40000', ccy: 'EUR' },
      },
    });
    const first = await begin({}, tight);
    await Promise.all(Array.from({ length: 10 }, (_, index) => instruct(first.transaction, 'instruct-1', index % 2)));
    const second = await begin({}, tight);
    expect(await instruct(second.transaction, 'instruct-2', 1)).toMatchObject({ state: 'instructed' });
    const third = await begin({}, tight);
    for (const node of both)
      expect(await codeOf(() => instruct(third.transaction, randomUUID(), node))).toBe('limit_exceeded');
  });
});

describe('a settlement requested by a machine', () => {
  const attempt = (change: Change) => begin({ trade_id, ...change });

  it('of an unknown trade, or for more than was executed, gets no token and no transaction', async () => {
    const unknown = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9';
    expect(await codeOf(() => attempt({ trade_id: unknown }))).toBe('invalid_authorization_details trade_unknown');
    expect(await codeOf(() => attempt({ amount: '4900000' }))).toBe('invalid_authorization_details trade_exceeded');
    const receiver = { lei: leis.assetManager, account: 'CASH-9' };
    expect(await codeOf(() => attempt({ receiver }))).toBe('invalid_authorization_details trade_differs');
    const records = await world.controlPlane.operator.records({ type: 'token.refused' });
    expect(records.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['trade_unknown', 'trade_exceeded']));
  });

  it('to an account that no second person has approved gets no token, and its step is refused', async () => {
    const receiver = { lei: leis.custodian, account: 'CASH-66' };
    const refusal = await refusalBy(() => attempt({ receiver }));
    expect(refusal).toMatchObject({ code: 'access_denied', facts: { reason: 'destination_unknown' } });
    const refused = (await world.controlPlane.operator.records({ type: 'token.refused' })).at(-1);
    expect(refused).toMatchObject({ reason: 'destination_unknown', transaction: expect.stringMatching(/^txn_/) });
    const step = await refusalBy(() => instruct(String(refused?.transaction)));
    expect(step).toMatchObject({
      code: 'transition_not_permitted',
      facts: { reasons: [{ code: 'intent_not_permitted' }] },
    });
  });

  it('uses the executed quantity once, whichever region is asked, and however often at once', async () => {
    const own = await executedTrade(world, mandate);
    const begun = [];
    for (let index = 0; index < 6; index++) begun.push(await begin({ trade_id: own, amount: '300000' }));
    const answers = await Promise.allSettled(
      begun.map(({ transaction }, index) => instruct(transaction, randomUUID(), index % 2)),
    );
    // 810,000 were executed: a third 300,000 would exceed that.
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const faults = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(faults.map((fault: { code?: unknown }) => fault.code)).toEqual(Array(4).fill('trade_exceeded'));
  });
});

describe('a recorded request', () => {
  it('is refused when it is replayed, in either region', async () => {
    const transaction = await released();
    const { issuer, addresses } = world;
    const key = generateSigningKey();
    const assertion = await clientAssertion(issuer, {
      clientId: 'cus-settlements',
      key: world.staff.key('cus-settlements'),
    });
    const form = {
      grant_type: 'client_credentials',
      client_id: 'cus-settlements',
      client_assertion_type: clientAssertionType,
      client_assertion: assertion,
      resource: `${issuer}/transactions`,
      scope: 'settlement:affirm',
      authorization_details: JSON.stringify([stepOf({ issuer, transaction, event: 'settle' })]),
    };
    const tokenProof = await proofOf(key, { method: 'POST', url: `${issuer}/token` });
    const { accessToken = '' } = await postToken(`${issuer}/token`, form, tokenProof);
    // Neither the token request …
    for (const address of addresses) {
      const proof = await proofOf(key, { method: 'POST', url: `${issuer}/token` });
      expect(await postToken(`${address}/token`, form, proof)).toMatchObject({ reason: 'client_assertion_replayed' });
    }
    // … nor the one for the step, byte for byte.
    const path = `/transactions/${transaction}/transitions`;
    const headers = {
      authorization: `DPoP ${accessToken}`,
      dpop: await proofOf(key, { method: 'POST', url: issuer + path, accessToken }),
      'content-type': 'application/json',
      'idempotency-key': 'settle-1',
    };
    const send = (address: string) =>
      fetch(address + path, { method: 'POST', headers, body: JSON.stringify({ event: 'settle', body: {} }) });
    expect((await send(issuer)).status).toBe(200);
    for (const address of addresses) {
      const again = await send(address);
      expect(again.status).toBe(401);
      expect(await again.json()).toMatchObject({ code: 'proof_replayed' });
    }
    expect((await stepsOf(transaction)).filter((event) => event === 'settle')).toHaveLength(1);
  });
});
