import type { MandateId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../testing/refusal.ts';
import { claimsOf } from '../testing/trading.ts';
import { type Begun, mandateLine, openWorkflowWorld, type WorkflowWorld } from './testing/workflow-world.ts';

// What the shipped policies permit and deny, tested at the token endpoint and the registry over HTTP.

const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };

let world: WorkflowWorld;
let mandate: MandateId;
beforeAll(async () => {
  world = await openWorkflowWorld();
  ({ mandate } = await mandateLine(world));
});
afterAll(() => world?.stop());

const begin = () => world.begin('trader', 'order:create settlement:instruct', world.intents.order(mandate, small));
/** A new token for the same intent, which the registry finds by its idempotency key. */
const again = ({ detail }: Begun, scope: string) =>
  world.tokenFor('trader', { scope, authorizationDetails: [detail], resource: detail.locations[0] ?? '' });
const submit = ({ transaction }: Begun) => world.step('brk-orders', 'submit', transaction, { scope: 'order:create' });
const atVenue = ({ transaction }: Begun, event: string, body: Readonly<Record<string, unknown>> = {}) =>
  world.step('ven-matching', event, transaction, { scope: 'trade:affirm', body });
const executed = { executed_qty: '2000', price: { amount: '101.25', ccy: 'EUR' } };

describe('an intent that has ended', () => {
  it.each([
    ['rejected', (begun: Begun) => atVenue(begun, 'reject')],
    [
      'settled',
      async (begun: Begun) => {
        await atVenue(begun, 'execute', executed);
        const { transaction } = begun;
        await world.step('clr-core', 'clear', transaction, {
          scope: 'settlement:instruct',
          body: { cleared_qty: '2000' },
        });
        await world.step('cus-core', 'settle', transaction, {
          scope: 'settlement:release',
          body: { settled_qty: '2000' },
        });
      },
    ],
  ] as const)('because it was %s gets no new token', async (state, end) => {
    const begun = await begin();
    await submit(begun);
    expect(claimsOf(await again(begun, 'order:create'))['txn']).toBe(begun.transaction);
    await end(begun);
    expect((await world.recordsOf(begun.transaction, 'transaction.transitioned')).at(-1)).toMatchObject({
      data: expect.objectContaining({ to: state }),
    });
    for (const scope of ['order:create', 'order:create settlement:instruct'])
      expect(await codeOf(() => again(begun, scope))).toBe('access_denied intent_closed');
  });
});

describe('a sign-in', () => {
  it('more than half an hour ago is enough for reading, and moves no assets', async () => {
    const ask = async (agoSeconds: number, request: { readonly scope: string; readonly intent: boolean }) => {
      const now = Math.floor(world.clock.now() / 1000);
      const { subject } = world.person('treasurer');
      const claims = { iat: now, exp: now + 120, auth_time: now - agoSeconds, acr: 'phrh' };
      const assertion = await world.trading.identityProvider.assertion(subject, world.issuer, { claims });
      return world.software('ha-desk').jwtBearer(assertion, {
        scope: request.scope,
        resource: `${world.issuer}/transactions`,
        ...(request.intent
          ? { authorizationDetails: [world.intents.address(mandate, { cooling_off_until: '2035-01-01T00:00:00Z' })] }
          : {}),
      });
    };
    const moving = { scope: 'withdrawal-address:propose', intent: true };
    expect(await codeOf(() => ask(1_900, moving))).toBe('access_denied sign_in_too_old_for_assets');
    expect(claimsOf(await ask(1_900, { scope: 'order:read', intent: false }))['scope']).toBe('order:read');
    expect(claimsOf(await ask(1_700, moving))['scope']).toBe('withdrawal-address:propose');
  });
});
