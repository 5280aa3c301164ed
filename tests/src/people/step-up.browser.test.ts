import { randomUUID } from 'node:crypto';
import type { TradeOrder } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeFlow, createPkce, textIn } from '../testing/code-flow.ts';
import { doors } from '../testing/firms.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { redirectUri } from '../testing/relying-parties.ts';
import { claimsOf } from '../testing/trading.ts';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { openPeopleWorld, type PeopleWorld, people } from './testing/people-world.ts';
import { type Visitor, visit, wrongly } from './testing/visitor.ts';

describe.skipIf(withoutBrowser)(`a step-up for an intent${skipped}`, { timeout: 120_000 }, () => {
  let world: PeopleWorld;
  let trader: Visitor;
  let key: Awaited<ReturnType<Visitor['enrolHardware']>>;
  beforeAll(async () => {
    world = await openPeopleWorld();
    trader = await visit(world);
    // The client's own page, to which the browser returns in the end.
    await trader.context.route(`${redirectUri}**`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<h1>Desk</h1>' }),
    );
    key = await trader.enrolHardware(people.trader);
  }, 120_000);
  afterAll(() => world?.stop());

  const recordsOf = (type: string) => world.controlPlane.operator.records({ type });
  const flow = () =>
    codeFlow({ issuer: world.issuer, client: world.desk, browser: personBrowser(world.issuer), person: people.trader });

  /** The URL to which the browser is sent for an order, with the client's requirements on the sign-in. */
  async function ask(order: TradeOrder, demands: readonly (readonly [string, string])[] = []) {
    const pkce = createPkce();
    const asked = flow();
    const requestUri = await asked.push(
      asked.request(pkce, [
        ['scope', 'openid order:create'],
        ['resource', doors.broker],
        ['authorization_details', JSON.stringify([order])],
        ['state', randomUUID()],
        ...demands,
      ]),
    );
    return { ...pkce, url: asked.urlOf(requestUri) };
  }

  /** Redeems the code that the browser brought back. */
  async function redeem(pkce: { readonly verifier: string; readonly challenge: string }) {
    await trader.page.waitForURL(`${redirectUri}**`);
    const code = new URL(trader.page.url()).searchParams.get('code') ?? '';
    return claimsOf({ accessToken: textIn(await flow().redeem({ ...pkce, code }), 'access_token') });
  }

  it('is requested by the client, made over the intent, and counts in its token', async () => {
    const order = world.trading.order(world.mandate);
    const first = await ask(order);
    await trader.open(first.url);
    await trader.signIn();
    await expectProperPage(trader);
    await picture(trader.page, 'consent');
    await trader.press(/^Allow/);
    const before = await redeem(first);
    expect(before).toMatchObject({ sub: people.trader, acr: 'phrh' });

    // RFC 9470: again, with a hardware key and a fresh sign-in.
    const again = world.trading.order(world.mandate);
    const second = await ask(again, [
      ['acr_values', 'phrh'],
      ['max_age', '0'],
    ]);
    await trader.open(second.url);
    await trader.page.waitForURL(/\/sign-in\//);
    await trader.see('Confirm');
    await expectProperPage(trader);
    await picture(trader.page, 'step-up');
    await trader.press('Use security key or passkey');
    await trader.press(/^Allow/);
    const after = await redeem(second);
    expect(after).toMatchObject({ sub: people.trader, acr: 'phrh', txn: expect.any(String) });
    expect(Number(after['auth_time'])).toBeGreaterThanOrEqual(Number(before['auth_time']));
    expect((await recordsOf('session.stepped-up')).at(-1)).toMatchObject({
      subject: { id: people.trader },
      authentication: { method: 'webauthn', acr: 'phrh' },
      data: { intents: [after['intent_digest']] },
    });
  });

  it('for one intent does not count for another', async () => {
    const demands = [
      ['acr_values', 'phrh'],
      ['max_age', '300'],
    ] as const;
    const first = await ask(world.trading.order(world.mandate), demands);
    await trader.open(first.url);
    await trader.page.waitForURL(/\/sign-in\//);
    await trader.press('Use security key or passkey');
    await trader.press(/^Allow/);
    await redeem(first);
    // Seconds later, the same person in the same browser must do it again.
    const other = await ask(world.trading.order(world.mandate, { max_qty: '1999' }), demands);
    await trader.open(other.url);
    await trader.page.waitForURL(/\/sign-in\//);
    await trader.see('Confirm');
    await trader.press('Cancel');
    await trader.page.waitForURL(`${redirectUri}**`);
    expect(new URL(trader.page.url()).searchParams.get('error')).toMatch(
      /access_denied|login_required|unmet_authentication_requirements/,
    );
  });

  it.each([
    ['over another intent', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, 'challenge_mismatch'],
    ['for another site', { origin: 'https://countersign.evil.example' }, 'origin_wrong'],
    ['for another service', { rpId: 'evil.example' }, 'rp_id_wrong'],
  ] as const)('made %s is refused and recorded', async (_, behaviour, code) => {
    const asked = await ask(world.trading.order(world.mandate), [
      ['acr_values', 'phrh'],
      ['max_age', '0'],
    ]);
    await trader.open(asked.url);
    await trader.page.waitForURL(/\/sign-in\//);
    const before = (await recordsOf('session.stepped-up')).length;
    await trader.answer(wrongly(key, behaviour));
    expect(await trader.refusal()).toBe('credential_unknown');
    await expectProperPage(trader);
    expect((await recordsOf('authenticator.refused')).at(-1)).toMatchObject({ reason: code });
    expect(await recordsOf('session.stepped-up')).toHaveLength(before);
  });
});
