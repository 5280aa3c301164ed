import type { MandateId } from '@countersign/kernel';
import { createClient, generateSigningKey } from '@countersign/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clearedByCompliance, leis } from '../testing/firms.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import { hours } from './testing/steered-clock.ts';
import { type Begun, mandateLine, openWorkflowWorld, type WorkflowWorld } from './testing/workflow-world.ts';

// Compliance findings change or expire while orders are under way.

type Change = Readonly<Record<string, unknown>>;
const day = 86_400_000;
const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };
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
/** Each test starts with everybody screened and in order, and every venue open. */
beforeEach(async () => {
  // Tokens of the next seconds are still covered by the lapse, because clocks differ.
  world.clock.pass(60);
  await find({});
  await venue({});
});

const apply = (body: unknown) =>
  world.controlPlane.operator.call('directory', 'directory:apply', { method: 'POST', path: '/directory/apply', body });

/** Records new findings for some firms, and all in order for the others. The operator records `of` these firms. */
async function find(changes: Partial<Record<keyof typeof leis, Change | null>>, of: Change = {}): Promise<void> {
  const firms = Object.entries(leis).map(([name, lei]) => ({ lei, change: changes[name as keyof typeof leis] }));
  await apply({
    institutions: firms.map(({ lei, change }) => ({
      ...{ lei, name: `Firm ${lei.slice(0, 10)}`, country: 'DE' },
      ...(change === undefined ? {} : of),
    })),
  });
  const sanctions = { result: 'clear', screened_at: new Date(world.clock.now()).toISOString() };
  await world.controlPlane.operator.find(
    firms.map(({ lei, change }) => ({
      institution: lei,
      compliance: change === null ? null : { ...clearedByCompliance(), sanctions, ...change },
    })),
  );
}
const kyc = (change: Change) => ({ kyc: { status: 'approved', valid_until: '2099-12-31', ...change } });
const sanctions = (result: string) => ({
  sanctions: { result, screened_at: new Date(world.clock.now()).toISOString() },
});
const venue = (change: Change) => apply({ venues: [{ mic: 'XEUR', operator: leis.venue, country: 'DE', ...change }] });
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

const begin = (change: Change = {}) =>
  world.begin('trader', 'order:create settlement:instruct', world.intents.order(mandate, { ...small, ...change }));
const refusedToken = () => codeOf(() => begin());
const submit = ({ transaction }: Begun) => world.step('brk-orders', 'submit', transaction, { scope: 'order:create' });
const execute = ({ transaction }: Begun) =>
  world.step('ven-matching', 'execute', transaction, {
    scope: 'trade:affirm',
    body: { executed_qty: '2000', price: { amount: '101.25', ccy: 'EUR' } },
  });
const clear = ({ transaction }: Begun) =>
  world.step('clr-core', 'clear', transaction, { scope: 'settlement:instruct', body: { cleared_qty: '2000' } });
const settle = ({ transaction }: Begun) =>
  world.step('cus-core', 'settle', transaction, { scope: 'settlement:release', body: { settled_qty: '2000' } });
async function cancel({ transaction }: Begun): Promise<unknown> {
  const client = createClient({ issuer: world.issuer, clientId: 'ha-cancels', key: cancelKey, clock: world.clock });
  const resource = `${world.issuer}/transactions`;
  return client.callOrThrow(await client.clientCredentials({ resource, scope: 'order:cancel' }), {
    method: 'POST',
    url: `${resource}/${transaction}/transitions`,
    idempotencyKey: `cancel-${transaction}`,
    body: { event: 'cancel', body: {} },
  });
}

/** The codes of a step's refusal, with their texts. */
async function reasonsOf(attempt: () => Promise<unknown>): Promise<readonly { code: string; detail: string }[]> {
  const { code, facts } = await refusalBy(attempt);
  expect(code).toBe('transition_not_permitted');
  return (facts as { readonly reasons: readonly { code: string; detail: string }[] }).reasons;
}
const codesOf = async (attempt: () => Promise<unknown>) => (await reasonsOf(attempt)).map(({ code }) => code);

describe('a know-your-customer review', () => {
  it('that expires stops new business and started transactions', async () => {
    const begun = await begin();
    const lastDay = dayOf(world.clock.now());
    await find({ assetManager: kyc({ valid_until: lastDay }) });
    expect((await begin()).transaction).toMatch(/^txn_/);

    world.clock.pass(hours(24));
    await find({ assetManager: kyc({ valid_until: lastDay }) });
    expect(await refusedToken()).toBe('access_denied kyc_not_current');
    const [reason] = await reasonsOf(() => submit(begun));
    // It names the firm, but not the finding.
    expect(reason).toMatchObject({ code: 'kyc_not_current', detail: expect.stringContaining(leis.assetManager) });
    expect(reason?.detail).not.toMatch(/approved|2\d{3}-/);
    expect(await cancel(begun)).toMatchObject({ state: 'cancelled' });
  });

  it.each(['pending', 'rejected', 'expired'])('that is %s stops new business', async (status) => {
    await find({ assetManager: kyc({ status }) });
    expect(await refusedToken()).toBe('access_denied kyc_not_current');
  });

  it('is required of everybody in the transaction, and each refusal names the firm', async () => {
    const begun = await begin();
    for (const firm of ['assetManager', 'arranger', 'venue', 'clearing', 'custodian'] as const) {
      await find({ [firm]: kyc({ status: 'pending' }) });
      expect(await reasonsOf(() => submit(begun))).toContainEqual(
        expect.objectContaining({ code: 'kyc_not_current', detail: expect.stringContaining(leis[firm]) }),
      );
    }
    // The broker itself does not even get the token for the submission.
    await find({ broker: kyc({ status: 'pending' }) });
    expect(await codeOf(() => submit(begun))).toBe('access_denied kyc_not_current');
    await find({});
    expect(await submit(begun)).toMatchObject({ state: 'submitted' });
  });

  it('that lapses after execution lets the executed order be cleared and settled', async () => {
    const begun = await begin();
    await submit(begun);
    await execute(begun);
    await find({ assetManager: kyc({ status: 'expired' }) });
    await clear(begun);
    expect(await settle(begun)).toMatchObject({ state: 'settled' });
  });

  it('cannot be replaced by a person: a supervisor signs, and it is still refused', async () => {
    const begun = await begin({ max_qty: '40000', max_notional: { amount: '4050000', ccy: 'EUR' } });
    await find({ assetManager: kyc({ status: 'pending' }) });
    await world.approve('supervisor', begun);
    expect(await codesOf(() => submit(begun))).toEqual(['kyc_not_current']);
  });
});

describe('a sanctions screening', () => {
  it.each(['match', 'review'])(
    'with the result %s blocks business and settlement, and the result is not revealed',
    async (result) => {
      const waiting = await begin();
      const executed = await begin();
      await submit(executed);
      await execute(executed);
      await find({ custodian: sanctions(result) });
      expect(await refusedToken()).toBe('access_denied sanctions_not_clear');
      const [reason] = await reasonsOf(() => submit(waiting));
      expect(reason).toMatchObject({ code: 'sanctions_not_clear', detail: expect.stringContaining(leis.custodian) });
      expect(reason?.detail).not.toContain(result);

      await refusalBy(() => clear(executed));
      const [exception] = await world.exceptions('complianceOfficer', executed.transaction);
      expect(exception).toMatchObject({ cause: 'entitlement', status: 'open', event: 'clear' });
      expect(await cancel(waiting)).toMatchObject({ state: 'cancelled' });
    },
  );

  it('from a stale source counts as missing, to the second', async () => {
    const begun = await begin();
    world.clock.pass(hours(24) - 60);
    expect((await begin()).transaction).toMatch(/^txn_/);
    world.clock.pass(120);
    expect(await refusedToken()).toBe('access_denied sanctions_stale');
    expect(await codeOf(() => submit(begun))).toBe('access_denied sanctions_stale');
    expect(await cancel(begun)).toMatchObject({ state: 'cancelled' });
  });

  it('that is stale blocks settlement until there is a new screening and somebody resolves the exception', async () => {
    const begun = await begin();
    await submit(begun);
    await execute(begun);
    const yesterday = new Date(world.clock.now() - day - 60_000).toISOString();
    await find({ assetManager: { sanctions: { result: 'clear', screened_at: yesterday } } });
    await refusalBy(() => clear(begun));
    const [exception] = await world.exceptions('complianceOfficer', begun.transaction);
    expect(exception).toMatchObject({
      cause: 'entitlement',
      detail: expect.stringContaining('more than 24 hours ago'),
    });
    const restored = { kind: 'restored', reason: 'Screened again' };
    const resolve = () => world.resolve('complianceOfficer', exception?.id ?? '', restored);
    expect(await codeOf(resolve)).toMatch(/^exception_not_healed/);
    await find({});
    // Screened again, but an exception that a person must review is still open.
    expect(await codeOf(() => clear(begun))).toBe('exception_open transition_not_permitted');
    expect(await resolve()).toMatchObject({ status: 'resolved' });
    await clear(begun);
    expect(await settle(begun)).toMatchObject({ state: 'settled' });
  });

  it('cannot be dated ahead', async () => {
    const tomorrow = new Date(world.clock.now() + day).toISOString();
    await expect(find({ assetManager: { sanctions: { result: 'clear', screened_at: tomorrow } } })).rejects.toThrow(
      /sanctions_postdated/,
    );
    // A date written while the clock was ahead does not count either, once it has been set back.
    world.clock.pass(180);
    await find({});
    world.clock.pass(-180);
    expect(await refusedToken()).toBe('access_denied sanctions_postdated');
    world.clock.pass(180);
    expect((await begin()).transaction).toMatch(/^txn_/);
  });

  it('is required: a firm without findings does no business', async () => {
    await find({ clearing: null });
    const begun = await refusalBy(() => begin());
    expect(begun.code).toBe('access_denied');
    expect(await refusedToken()).toMatch(/^access_denied (kyc_not_current|aml_not_accepted|sanctions_not_clear)$/);
  });
});

describe('suitability', () => {
  it('is required of a retail client for the class of instruments', async () => {
    await find({ assetManager: { category: 'retail', suitable_for: ['E'] } });
    expect(await refusedToken()).toBe('access_denied product_not_suitable');
    await find({ assetManager: { category: 'retail', suitable_for: ['D', 'E'] } });
    expect((await begin()).transaction).toMatch(/^txn_/);
  });

  it('that is withdrawn stops started transactions that are not yet executed', async () => {
    await find({ assetManager: { category: 'retail', suitable_for: ['D'] } });
    const [waiting, executed] = [await begin(), await begin()];
    await submit(executed);
    await execute(executed);
    await find({ assetManager: { category: 'retail', suitable_for: [] } });
    expect(await codesOf(() => submit(waiting))).toEqual(['product_not_suitable']);
    expect(await clear(executed)).toMatchObject({ state: 'cleared' });
  });

  it('is not required of an eligible counterparty', async () => {
    await find({ assetManager: { category: 'eligible-counterparty', suitable_for: [] } });
    expect((await begin()).transaction).toMatch(/^txn_/);
  });
});

describe('a registration', () => {
  it.each([
    [
      'the acting firm',
      'arranger',
      '(entity_not_in_good_standing|institution_not_in_good_standing|assertion_institution)',
    ],
    ['the client whose account it is', 'assetManager', 'client_not_in_good_standing'],
  ] as const)('of %s that has lapsed stops new business', async (_, firm, code) => {
    for (const status of ['LAPSED', 'RETIRED']) {
      await find({ [firm]: {} }, { lei_status: status });
      expect(await refusedToken()).toMatch(new RegExp(`^(access_denied|unauthorized_client|invalid_grant) ${code}$`));
    }
  });

  it('that lapses between the token and the order stops the order; cancelling and executed orders continue', async () => {
    const [waiting, executed] = [await begin(), await begin()];
    await submit(executed);
    await execute(executed);
    await find({ assetManager: {} }, { lei_status: 'LAPSED' });
    expect(await codesOf(() => submit(waiting))).toEqual(['client_not_in_good_standing']);
    expect(await cancel(waiting)).toMatchObject({ state: 'cancelled' });
    await clear(executed);
    expect(await settle(executed)).toMatchObject({ state: 'settled' });
  });

  it('that has lapsed stops neither cancelling, clearing, settling nor revoking by the firm itself', async () => {
    const [waiting, another, executed] = [await begin(), await begin(), await begin()];
    await submit(executed);
    await execute(executed);
    const revocable = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    await find({ arranger: {}, clearing: {}, custodian: {} }, { lei_status: 'LAPSED' });
    // Earlier tokens ended with the registration, including those of the same second.
    world.clock.pass(60);
    // Its people can still sign in, and their requests are decided like those of its software.
    expect(await refusedToken()).toBe('access_denied entity_not_in_good_standing');
    expect(await cancel(waiting)).toMatchObject({ state: 'cancelled' });
    const byTheTrader = { scope: 'order:cancel', body: {} };
    expect(await world.step('trader', 'cancel', another.transaction, byTheTrader)).toMatchObject({
      state: 'cancelled',
    });
    await clear(executed);
    expect(await settle(executed)).toMatchObject({ state: 'settled' });
    await world.mandates.revoke(revocable, 'arranger');
    expect(await codeOf(() => world.mandates.grant({ from: 'arranger', to: 'clearing', parent: mandate }))).toBe(
      'access_denied institution_not_in_good_standing',
    );
  });

  it.each([
    ['whose registration has lapsed', { lei_status: 'LAPSED' }, 'party_not_in_good_standing'],
    ['of a country that is not served', { country: 'KP' }, 'party_country_not_served'],
  ] as const)('of a firm that an order names, %s, stops the token and the order', async (_, of, code) => {
    const begun = await begin();
    await find({ venue: {} }, of);
    expect(await refusedToken()).toBe(`access_denied ${code}`);
    expect(await codesOf(() => submit(begun))).toContain(code);
    expect(await cancel(begun)).toMatchObject({ state: 'cancelled' });
  });

  it('that lapsed gives no new mandate either', async () => {
    await find({ assetManager: {} }, { lei_status: 'LAPSED' });
    const grant = () => world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    expect((await refusalBy(grant)).code).not.toBe('unexpected_answer');
  });
});

describe('a MIC', () => {
  it('is valid until the day it expires, and from then on for nothing new', async () => {
    const [waiting, executed] = [await begin(), await begin()];
    await submit(executed);
    await execute(executed);
    const expiry = Math.floor(world.clock.now() / day) * day + day;
    await venue({ expiry_date: dayOf(expiry) });
    expect((await begin()).transaction).toMatch(/^txn_/);

    world.clock.pass(Math.ceil((expiry - world.clock.now()) / 1000) + 1);
    await find({});
    expect(await refusedToken()).toBe('access_denied venue_mic_expired');
    expect(await reasonsOf(() => submit(waiting))).toEqual([
      expect.objectContaining({ code: 'venue_mic_expired', detail: expect.stringContaining('XEUR') }),
    ]);
    expect(await cancel(waiting)).toMatchObject({ state: 'cancelled' });
    expect(await clear(executed)).toMatchObject({ state: 'cleared' });
  });

  it('that nobody registered is not a venue', async () => {
    expect(await codeOf(() => begin({ venue_mic: 'XNYS' }))).toMatch(
      /^access_denied (mandate_venue|venue_not_served|desk_venue)$/,
    );
  });
});

describe('each of these refusals', () => {
  it('is in the log, with the reason and the version of the policies', async () => {
    const begun = await begin();
    await find({ custodian: sanctions('match') });
    await refusalBy(() => submit(begun));
    await find({});
    const records = await world.recordsOf(begun.transaction);
    expect(records).toContainEqual(
      expect.objectContaining({ outcome: 'deny', policy: expect.objectContaining({ version: 1 }) }),
    );
    expect(JSON.stringify(records)).toContain('sanctions_not_clear');
  });
});
