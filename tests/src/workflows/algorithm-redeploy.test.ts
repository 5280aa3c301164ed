import type { MandateId } from '@countersign/kernel';
import { createClient, generateSigningKey } from '@countersign/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { certifiedModel, doors, leis } from '../testing/firms.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import { mandateLine, openWorkflowWorld, type WorkflowWorld } from './testing/workflow-world.ts';

// An algorithm is redeployed or retrained: its authority to trade is that of the certified artefact.

const retrained = '9c0de1f3a5b7c9d1e3f5a7b9c1d3e5f7a9b1c3d5e7f9a1b3c5d7e9f1a3b5c7d9';
const certified = {
  ...certifiedModel,
  certificate_id: 'ALGO-2026-0117',
  status: 'Approved',
  certified_by: 'person:emil.risk',
  developed_by: 'person:dana.quant',
};
const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };
/** Cancels for the firm, whatever happened to the initiator. */
const cancelKey = generateSigningKey();

let world: WorkflowWorld;
let mandate: MandateId;
beforeAll(async () => {
  world = await openWorkflowWorld();
  ({ mandate } = await mandateLine(world));
  await apply({
    services: [{ id: 'service:ha-cancels', institution: leis.arranger, roles: [] }],
    clients: [
      {
        id: 'ha-cancels',
        institution: leis.arranger,
        principal: 'service:ha-cancels',
        grant_types: ['client_credentials'],
        scopes: ['order:cancel'],
        audiences: [`${world.issuer}/transactions`],
        jwks: { keys: [{ ...cancelKey.publicJwk, kid: cancelKey.kid }] },
      },
    ],
  });
});
afterAll(() => world?.stop());
/** Each test starts with the algorithm as certified. */
afterEach(() => certify({}));

const apply = (body: unknown) =>
  world.controlPlane.operator.call('directory', 'directory:apply', { method: 'POST', path: '/directory/apply', body });

/** Registers in the directory what is deployed, and what was certified. */
const certify = (model: Readonly<Record<string, unknown>>) =>
  apply({
    agents: [
      {
        id: 'agent:ha-vwap-1',
        institution: leis.arranger,
        desk: 'rates',
        roles: [],
        model: { ...certified, ...model },
      },
    ],
  });

/** The algorithm requests an order as the artefact that it claims to be. */
const order = (algo: Readonly<Record<string, unknown>> = {}, change: Readonly<Record<string, unknown>> = {}) =>
  world.intents.order(mandate, { ...small, ...change, algo: { ...certifiedModel, ...algo } });
const begin = (algo: Readonly<Record<string, unknown>> = {}, change: Readonly<Record<string, unknown>> = {}) =>
  world.begin('ha-vwap-1', 'order:create settlement:instruct', order(algo, change));
const submit = (transaction: string) => world.step('brk-orders', 'submit', transaction, { scope: 'order:create' });

async function reasonsOf(attempt: () => Promise<unknown>): Promise<readonly string[]> {
  const { code, facts } = await refusalBy(attempt);
  expect(code).toBe('transition_not_permitted');
  const { reasons } = facts as { readonly reasons: readonly { readonly code: string }[] };
  return reasons.map((reason) => reason.code);
}

describe('an algorithm', () => {
  it('trades as the certified artefact, which the record names', async () => {
    const { transaction } = await begin({ cert_id: 'ALGO-2026-0117' });
    expect(await submit(transaction)).toMatchObject({ state: 'submitted' });
    const [issued] = await world.recordsOf(transaction, 'token.issued');
    expect(issued).toMatchObject({ subject: { id: 'agent:ha-vwap-1' }, client: 'ha-vwap-1' });
    const [began] = await world.recordsOf(transaction, 'transaction.transitioned');
    expect(began?.policy?.version).toBe(1);
  });

  it('deployed under the same version label with another digest gets no token, and the refusal is in the log', async () => {
    expect(await codeOf(() => begin({ artifact_sha256: retrained }))).toBe('access_denied agent_artefact_differs');
    const refused = await world.controlPlane.operator.records({ type: 'token.refused' });
    expect(refused.at(-1)).toMatchObject({
      outcome: 'deny',
      reason: 'agent_artefact_differs',
      client: 'ha-vwap-1',
      subject: { id: 'agent:ha-vwap-1' },
    });
  });

  it.each([
    ['another version', { version: '4.2.1' }],
    ['another model', { model_id: 'twap-bund' }],
  ])('gets no token as %s of what was certified', async (_, algo) => {
    expect(await codeOf(() => begin(algo))).toBe('access_denied agent_artefact_differs');
  });

  it('that does not name its artefact is not treated as an algorithm', async () => {
    const nameless = world.intents.order(mandate, small);
    const ask = () => world.begin('ha-vwap-1', 'order:create settlement:instruct', nameless);
    expect(await codeOf(ask)).toMatch(/^access_denied /);
  });
});

describe('a redeploy', () => {
  it('ends the authority of transactions started by the old artefact, even with a valid token', async () => {
    const { transaction, token, detail } = await begin();
    await certify({ artifact_sha256: retrained, certificate_id: 'ALGO-2026-0204', status: 'Draft' });

    expect(await reasonsOf(() => submit(transaction))).toEqual(
      expect.arrayContaining(['agent_not_certified', 'agent_artefact_differs']),
    );
    const onward = () =>
      world.software('brk-orders').exchange(token.accessToken, {
        resource: doors.clearing,
        scope: 'settlement:instruct',
        authorizationDetails: [{ ...detail, actions: ['clear'], locations: [doors.clearing] }],
      });
    expect(await codeOf(onward)).toMatch(/^(access_denied agent_|invalid_request subject_token_)/);
    expect(await codeOf(() => begin())).toMatch(/^access_denied agent_/);
    expect(await codeOf(() => begin({ artifact_sha256: retrained }))).toBe('access_denied agent_not_certified');
    // The refusal is recorded with the transaction, beside its earlier permit.
    const refusals = await world.recordsOf(transaction, 'transaction.refused');
    expect(refusals.map(({ outcome }) => outcome)).toContain('deny');
  });

  it('with a new certification trades as the new artefact; the order of the old one stays without authority', async () => {
    const { transaction: prepared } = await begin();
    await certify({ artifact_sha256: retrained, certificate_id: 'ALGO-2026-0204', status: 'Approved' });
    expect(await reasonsOf(() => submit(prepared))).toEqual(['agent_artefact_differs']);
    const { transaction } = await begin({ artifact_sha256: retrained, cert_id: 'ALGO-2026-0204' });
    expect(await submit(transaction)).toMatchObject({ state: 'submitted' });
  });

  it('leaves the firm its way out: the algorithm’s orders can be cancelled', async () => {
    const { transaction } = await begin();
    await submit(transaction);
    await certify({ status: 'Draft' });
    const client = createClient({ issuer: world.issuer, clientId: 'ha-cancels', key: cancelKey, clock: world.clock });
    const resource = `${world.issuer}/transactions`;
    const answer = await client.callOrThrow(await client.clientCredentials({ resource, scope: 'order:cancel' }), {
      method: 'POST',
      url: `${resource}/${transaction}/transitions`,
      idempotencyKey: `cancel-${transaction}`,
      body: { event: 'cancel', body: {} },
    });
    expect(answer).toMatchObject({ state: 'cancelled' });
  });

  it('between execution and clearing lets the executed order be cleared and settled, and starts nothing new', async () => {
    const { transaction } = await begin();
    await submit(transaction);
    const price = { amount: '101.25', ccy: 'EUR' };
    await world.step('ven-matching', 'execute', transaction, {
      scope: 'trade:affirm',
      body: { executed_qty: '2000', price },
    });
    await certify({ status: 'Submitted' });
    expect(await codeOf(() => begin())).toBe('access_denied agent_not_certified');
    const clearing = { scope: 'settlement:instruct', body: { cleared_qty: '2000' } };
    expect(await world.step('clr-core', 'clear', transaction, clearing)).toMatchObject({ state: 'cleared' });
    const settling = { scope: 'settlement:release', body: { settled_qty: '2000' } };
    expect(await world.step('cus-core', 'settle', transaction, settling)).toMatchObject({ state: 'settled' });
    expect(await world.exceptions('complianceOfficer', transaction)).toEqual([]);
  });
});

describe('certification', () => {
  it.each([
    ['by its developer', { certified_by: 'person:dana.quant' }],
    ['by the algorithm itself', { certified_by: 'agent:ha-vwap-1' }],
  ])('is refused %s, and nothing changes', async (_, model) => {
    const redeployed = { artifact_sha256: retrained, certificate_id: 'ALGO-2026-0204', ...model };
    const refusal = await refusalBy(() => certify(redeployed));
    expect(refusal.facts?.['problems']).toEqual([
      expect.objectContaining({ code: 'self_certification', path: '/agents/0/model/certified_by' }),
    ]);
    expect(await codeOf(() => begin({ artifact_sha256: retrained }))).toBe('access_denied agent_artefact_differs');
    expect((await begin()).transaction).toMatch(/^txn_/);
  });

  it('must be by somebody in the directory', async () => {
    expect((await refusalBy(() => certify({ certified_by: 'person:nobody' }))).facts?.['problems']).toEqual([
      expect.objectContaining({ code: 'reference_unknown' }),
    ]);
  });

  it.each([
    ['Draft', false],
    ['Submitted', false],
    ['Approved', true],
    ['Registered', true],
  ])('at %s (FIX 3022) permits trading: %s', async (status, trades) => {
    await certify({ status });
    if (trades) expect((await begin()).transaction).toMatch(/^txn_/);
    else expect(await codeOf(() => begin())).toBe('access_denied agent_not_certified');
  });

  it('when renewed ends what was prepared under the previous certificate', async () => {
    const { transaction } = await begin({ cert_id: 'ALGO-2026-0117' });
    await certify({ certificate_id: 'ALGO-2026-0204' });
    expect(await reasonsOf(() => submit(transaction))).toEqual(['agent_certificate_differs']);
    expect(await codeOf(() => begin({ cert_id: 'ALGO-2026-0117' }))).toBe('access_denied agent_certificate_differs');
    expect((await begin({ cert_id: 'ALGO-2026-0204' })).transaction).toMatch(/^txn_/);
  });

  it('keeps people from approving what they certified or developed', async () => {
    for (const duty of ['certified_by', 'developed_by']) {
      await certify({ [duty]: world.person('supervisor').id });
      const begun = await begin({}, { max_qty: '4000', max_notional: { amount: '405000', ccy: 'EUR' } });
      expect(await codeOf(() => world.approve('supervisor', begun))).toBe('duties_combined');
      expect((await refusalBy(() => submit(begun.transaction))).code).toBe('approval_required');
    }
  });

  it('is in the log with the person who changed it', async () => {
    const [last] = (await world.controlPlane.operator.records({ type: 'directory.applied' })).slice(-1);
    expect(last).toMatchObject({ subject: { id: 'person:development.operator' } });
    expect(JSON.stringify(last?.data)).toContain('agent:ha-vwap-1');
  });
});
