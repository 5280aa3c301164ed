import type { StandingRevocationTarget } from '@countersign/contracts';
import { codeOf } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createHarness, refusalOf } from '../testing/harness.ts';
import { liftRevocation as lift, placeRevocation as place } from '../testing/placed-revocations.ts';
import { broker, fund, venue } from '../testing/trading-world.ts';

type Harness = ReturnType<typeof createHarness>;
/** Every grant, with its subject and mandate. */
const ways = {
  'client credentials': (harness: Harness) => harness.server.token(harness.clientCredentials()),
  'an order of an agent': (harness: Harness) =>
    harness.server.token(harness.clientCredentials({ scope: 'order:create', authorization_details: harness.order() })),
  'an assertion of a partner': (harness: Harness) => harness.server.token(harness.federated()),
} as const;

describe('a revocation in force', () => {
  it.each<[keyof typeof ways, (harness: Harness) => StandingRevocationTarget]>([
    ['client credentials', () => ({ kind: 'principal', id: 'agent:vwap-1' })],
    ['client credentials', () => ({ kind: 'client', id: 'vwap-engine' })],
    ['client credentials', () => ({ kind: 'partner', id: broker })],
    ['an order of an agent', () => ({ kind: 'principal', id: 'agent:vwap-1' })],
    ['an order of an agent', ({ consentStore }) => ({ kind: 'mandate', id: consentStore.mandate.id })],
    ['an assertion of a partner', () => ({ kind: 'principal', id: 'person:anna.keller' })],
    ['an assertion of a partner', () => ({ kind: 'client', id: 'order-desk' })],
  ])('stops new tokens by %s, until it is lifted', async (way, targetIn) => {
    const harness = createHarness();
    const target = targetIn(harness);
    expect(await refusalOf(ways[way](harness))).toEqual({ code: 'released' });
    const record = await place(harness, target);
    expect(await refusalOf(ways[way](harness))).toMatchObject({ code: 'access_denied', reason: 'authority_revoked' });
    expect(harness.audit.last()).toMatchObject({ type: 'token.refused', reason: 'authority_revoked' });
    await expect(ways[way](harness)).rejects.toMatchObject({ facts: { revocation: record, revoked: target.kind } });
    await lift(harness, target);
    expect(await refusalOf(ways[way](harness))).toEqual({ code: 'released' });
  });

  it.each<[string, StandingRevocationTarget]>([
    ['the principal of the client that exchanges', { kind: 'principal', id: 'service:venue' }],
    ['the client that exchanges', { kind: 'client', id: 'venue-gateway' }],
    ['the institution of the client that exchanges', { kind: 'partner', id: venue }],
    ['who acted before', { kind: 'principal', id: 'agent:vwap-1' }],
    ['the institution that was acted for', { kind: 'partner', id: broker }],
  ])('of %s stops exchanges', async (_, target) => {
    const harness = createHarness();
    const first = await harness.server.token(
      harness.clientCredentials({
        scope: 'order:create settlement:instruct trade:read',
        authorization_details: harness.order(),
      }),
    );
    const exchange = () => harness.server.token(harness.exchange(first.access_token));
    expect(await refusalOf(exchange())).toEqual({ code: 'released' });
    await place(harness, target);
    expect(await refusalOf(exchange())).toMatchObject({ reason: 'authority_revoked' });
  });

  it('is not lifted for one party by lifting another’s', async () => {
    const harness = createHarness();
    const target = { kind: 'principal', id: 'agent:vwap-1' } as const;
    await place(harness, target, 'operator');
    await place(harness, target, 'institution');
    await lift(harness, target, 'institution');
    expect(await refusalOf(ways['client credentials'](harness))).toMatchObject({ reason: 'authority_revoked' });
  });

  it('of another party stops nobody', async () => {
    const harness = createHarness();
    await place(harness, { kind: 'principal', id: 'agent:other' });
    await place(harness, { kind: 'partner', id: fund });
    expect(await refusalOf(ways['client credentials'](harness))).toEqual({ code: 'released' });
  });

  it('is never skipped because the log is unavailable', async () => {
    const harness = createHarness();
    const asking = ways['client credentials'](harness);
    harness.audit.breakDown();
    expect(await codeOf(asking)).toBe('temporarily_unavailable');
  });
});
