import { fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { createControlPlane } from './control-plane.ts';
import { generateSigningKey } from './keys.ts';
import { type SmallIssuer, startSmallIssuer } from './testing/small-issuer.ts';

describe('the control plane client of a service', () => {
  const clock = fixedClock(Date.now());
  let issuer: SmallIssuer;
  beforeEach(async () => {
    issuer = await startSmallIssuer();
  });
  afterEach(() => issuer.close());

  const client = () => createClient({ issuer: issuer.url, clientId: 'oms', key: generateSigningKey(), clock });
  const controlPlane = () => createControlPlane({ issuer: issuer.url, client: client(), clock });
  const request = { transaction: 'txn_1', idempotencyKey: 'key-0001', body: { qty: '1' } };

  it('continues a transaction under its idempotency key, with the scope that the event needs', async () => {
    issuer.answers.set('POST /transactions/txn_1/transitions', { status: 200, body: { state: 'submitted' } });
    const plane = controlPlane();
    expect(await plane.transition({ ...request, event: 'submit' })).toEqual({ state: 'submitted' });
    await plane.transition({ ...request, event: 'release', scope: 'withdrawal:release' });
    expect(issuer.seen.map(({ headers }) => headers.authorization)).toEqual([
      'DPoP token for order:create',
      'DPoP token for withdrawal:release',
    ]);
    expect(issuer.seen[0]?.headers['idempotency-key']).toBe('key-0001');
    expect(JSON.parse(issuer.seen[0]?.body ?? '')).toEqual({ event: 'submit', body: { qty: '1' } });
  });

  it('requests a token for the single step, and none if the step cancels', async () => {
    issuer.answers.set('POST /transactions/txn_1/transitions', { status: 200, body: {} });
    const wanted: unknown[] = [];
    const counting = client();
    const plane = createControlPlane({
      issuer: issuer.url,
      clock,
      client: {
        ...counting,
        clientCredentials(request) {
          wanted.push(request);
          return counting.clientCredentials(request);
        },
      },
    });
    await plane.transition({ ...request, event: 'submit' });
    await plane.transition({ ...request, event: 'cancel' });
    const resource = `${issuer.url}/transactions`;
    expect(wanted).toEqual([
      {
        resource,
        scope: 'order:create',
        authorizationDetails: [
          {
            type: 'urn:countersign:rar:v1:transaction_step',
            locations: [resource],
            actions: ['submit'],
            transaction: 'txn_1',
          },
        ],
      },
      { resource, scope: 'order:cancel' },
    ]);
  });

  it('returns a refusal with its code and its facts', async () => {
    issuer.answers.set('POST /transactions/txn_1/transitions', {
      status: 409,
      body: { code: 'mandate_lapsed', detail: 'It has been revoked.', facts: { reason: 'mandate_revoked' } },
    });
    await expect(controlPlane().transition({ ...request, event: 'submit' })).rejects.toMatchObject({
      code: 'mandate_lapsed',
      category: 'conflict',
      facts: { reason: 'mandate_revoked' },
    });
  });

  it('denies unless the answer about a mandate is a clear yes', async () => {
    const question = { intent: {}, actingFor: 'LEI', action: 'order:create' };
    const path = 'POST /mandates/mnd_1/validity';
    issuer.answers.set(path, { status: 200, body: { valid: 'true' } });
    expect(await controlPlane().checkMandate('mnd_1', question)).toEqual({ valid: false });
    issuer.answers.set(path, { status: 200, body: { valid: false, reason: 'mandate_revoked', detail: 'Ended.' } });
    expect(await controlPlane().checkMandate('mnd_1', question)).toEqual({
      valid: false,
      reason: 'mandate_revoked',
      detail: 'Ended.',
    });
    issuer.answers.set(path, { status: 200, body: { valid: true } });
    expect(await controlPlane().checkMandate('mnd_1', question)).toEqual({ valid: true });
  });

  it('issues an envelope that travels in one field of a call', async () => {
    issuer.answers.set('GET /transactions/txn_1/envelope', { status: 200, body: { envelope: 'aa.bb.cc' } });
    issuer.answers.set('POST /orders', { status: 201, body: {} });
    const envelope = await controlPlane().envelope('txn_1');
    const caller = client();
    const token = await caller.clientCredentials({ resource: issuer.url, scope: 'order:create' });
    await caller.call(token, { method: 'POST', url: `${issuer.url}/orders`, body: {}, envelope });
    expect(issuer.seen.at(-1)?.headers['countersign-envelope']).toBe('aa.bb.cc');
    await expect(
      caller.call(token, { method: 'POST', url: `${issuer.url}/orders`, envelope: 'aa.bb.cc\r\nx: y' }),
    ).rejects.toMatchObject({ code: 'envelope_malformed' });
  });

  it('throws if no envelope is returned', async () => {
    issuer.answers.set('GET /transactions/txn_1/envelope', { status: 200, body: {} });
    await expect(controlPlane().envelope('txn_1')).rejects.toMatchObject({ code: 'unexpected_answer' });
    await expect(controlPlane().envelope('txn_2')).rejects.toMatchObject({ code: 'not_here', category: 'not-found' });
  });

  it('keeps a token until shortly before it expires', async () => {
    issuer.answers.set('GET /transactions/txn_1/envelope', { status: 200, body: { envelope: 'aa.bb.cc' } });
    let tokens = 0;
    const counting = client();
    const plane = createControlPlane({
      issuer: issuer.url,
      clock,
      client: {
        ...counting,
        clientCredentials(wanted) {
          tokens++;
          return counting.clientCredentials(wanted);
        },
      },
    });
    await plane.envelope('txn_1');
    clock.advance(269_000);
    await plane.envelope('txn_1');
    expect(tokens).toBe(1);
    clock.advance(2_000);
    await plane.envelope('txn_1');
    expect(tokens).toBe(2);
  });
});
