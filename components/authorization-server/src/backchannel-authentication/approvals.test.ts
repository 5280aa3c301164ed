import { hiddenField } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pageCode } from '../testing/page-answers.ts';
import { broker, clearing, venueOrders } from '../testing/trading-world.ts';
import { anna, type CibaWorld, carl, createCibaWorld, type Fields } from './testing/ciba-world.ts';

let world: CibaWorld;
beforeAll(async () => {
  world = await createCibaWorld({ options: { maxOutstandingForPerson: 1_000 } });
  world.world.changeClient('trading-desk', { name: 'Desk <b>One</b>' });
});
afterAll(() => world.close());
afterEach(() => {
  world.audit.repair();
  world.upgradeSignIns({});
});

const asked = async (change: Fields = {}): Promise<string> => (await world.ask(world.plain(change))).auth_req_id;
const askedIntent = (change: object = {}, fields: Fields = {}) =>
  asked({ authorization_details: JSON.stringify([world.order(change)]), scope: 'order:create', ...fields });
/** The page of a request, in a new browser, signed in. */
async function opened(id: string, person = anna) {
  const browser = world.browser();
  const path = world.pathOf(id);
  return { browser, path, page: await world.openSignedIn(browser, path, person) };
}
const textOf = (page: string): string =>
  page
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
const recordsSince = (length: number) => world.audit.records.slice(length);

describe('the approval page of a backchannel request', () => {
  it('shows the client, the binding message and the expiry', async () => {
    const { page } = await opened(await asked());
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('Desk &lt;b&gt;One&lt;/b&gt;');
    const text = textOf(page.body);
    for (const shown of ['W4SCT', `LEI ${broker}`, venueOrders, anna, 'order:read', '2026-11-23, 10:05 UTC'])
      expect(text).toContain(shown);
    expect(text).toContain('Development sign-in: the person was not authenticated');
    expect(text).toContain('registered for a sandbox');
  });

  it('shows the intent decoded field by field with its fingerprint, to compare if there is no binding message', async () => {
    const { page } = await opened(await askedIntent({}, { binding_message: undefined }));
    const text = textOf(page.body);
    for (const shown of ['DE0007164600', 'XETR', '15,000', 'ACC-1', 'order-0001', 'Fingerprint of this intent'])
      expect(text).toContain(shown);
    expect(text).toContain('There is no message to compare');
  });

  it('cannot be framed, scripted or stored, and sends no referrer', async () => {
    const { page } = await opened(await asked());
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.body).not.toContain('<script');
  });

  it('returns 404 to anyone but the addressed person, as for an address that does not exist', async () => {
    const id = await asked();
    const { browser, path, page } = await opened(id, carl);
    expect(page.statusCode).toBe(404);
    expect(pageCode(page.body)).toBe('approval_unknown');
    expect(page.body).not.toContain('W4SCT');
    const posted = await browser.post(path, { csrf: 'x', seen: 'x', decision: 'allow' });
    expect([posted.statusCode, pageCode(posted.body)]).toEqual([404, 'approval_unknown']);
    const mine = world.browser();
    for (const made of ['x', 'A'.repeat(43), '..%2f', '%00', 'A'.repeat(90)]) {
      const answer = await world.openSignedIn(mine, `/approvals/${made}`);
      expect([answer.statusCode, pageCode(answer.body)]).toEqual([404, 'approval_unknown']);
    }
    expect((await opened(id)).page.statusCode).toBe(200);
  });

  it('sends a visitor who is not signed in to the sign-in, whether or not the request exists, and only once', async () => {
    const id = await asked({ acr_values: 'phr' });
    const browser = world.browser();
    for (const path of [world.pathOf(id), `/approvals/${'A'.repeat(43)}`, '/approvals']) {
      const answer = await browser.get(path);
      expect(answer.statusCode).toBe(303);
      expect(answer.headers.location).toMatch(/^\/sign-in\/[\w-]{43}$/);
      const back = await browser.get(`${path}?after=sign-in`);
      expect([back.statusCode, pageCode(back.body)]).toEqual([403, 'sign_in_abandoned']);
    }
  });

  it('requires the session that its scopes need, as the code flow does, and asks for it only once', async () => {
    const { scopes } = world.world.directory.snapshot().client('trading-desk' as never) ?? { scopes: [] };
    world.world.changeClient('trading-desk', { scopes: [...scopes, 'order:approve'] });
    try {
      const id = await asked({ scope: 'openid order:approve' });
      // A sign-in for entering orders is not a sign-in for approving them.
      const { browser, path, page } = await opened(id);
      expect(page.headers.location).toMatch(/^\/sign-in\//);
      const left = await browser.get(`${path}?after=second-sign-in`);
      expect([left.statusCode, pageCode(left.body)]).toEqual([403, 'sign_in_abandoned']);
      const shown = await world.openSignedIn(browser, path);
      expect(shown.statusCode).toBe(200);
      const form = world.formOf(shown.body, 'allow');
      const weaker = world.browser();
      await world.openSignedIn(weaker, '/approvals');
      expect((await weaker.post(path, form)).headers.location).toMatch(/^\/sign-in\//);
      expect((await browser.post(path, form)).headers.location).toBe(path);
    } finally {
      world.world.changeClient('trading-desk', { scopes });
    }
  });

  it('requires a sign-in of the class that the client requested', async () => {
    const id = await asked({ acr_values: 'phr' });
    const browser = world.browser();
    await world.openSignedIn(browser, '/approvals');
    const path = world.pathOf(id);
    expect((await browser.get(path)).headers.location).toMatch(/^\/sign-in\//);
    const weak = await browser.get(`${path}?after=sign-in`);
    expect([weak.statusCode, pageCode(weak.body)]).toEqual([403, 'sign_in_class']);
    world.upgradeSignIns({ acr: 'phr' });
    const strong = await browser.get(path);
    expect(strong.statusCode).toBe(200);
    expect(textOf(strong.body)).not.toContain('was not authenticated');
    world.upgradeSignIns({});
    const posted = await browser.post(path, world.formOf(strong.body, 'allow'));
    expect(posted.headers.location).toMatch(/^\/sign-in\//);
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'authorization_pending' });
  });

  it('reports that the request has expired', async () => {
    const id = await asked({ requested_expiry: '10' });
    const { browser, path, page } = await opened(id);
    world.clock.advance(10_000);
    const late = await browser.get(path);
    expect([late.statusCode, pageCode(late.body)]).toEqual([409, 'approval_expired']);
    const posted = await browser.post(path, world.formOf(page.body, 'allow'));
    expect([posted.statusCode, pageCode(posted.body)]).toEqual([409, 'approval_expired']);
  });
});

describe('the approval page warns of', () => {
  it('another request with the same message', async () => {
    const message = 'SAME-1';
    const first = await asked({ binding_message: message });
    const warning = 'Another request with the same message awaits your decision';
    expect(textOf((await opened(first)).page.body)).not.toContain(warning);
    const second = await asked({ binding_message: message });
    for (const id of [first, second]) expect(textOf((await opened(id)).page.body)).toContain(warning);
    await world.decide(second, 'refuse');
    expect(textOf((await opened(first)).page.body)).not.toContain(warning);
  });

  it('changes to an intent that was requested, allowed or refused before', async () => {
    const key = { idempotency_key: 'warned-1' };
    const larger = { max_qty: '1000', account: 'ACC-2', limit_price: { amount: '99', ccy: 'EUR' } };
    const first = await askedIntent(key);
    expect(textOf((await opened(first)).page.body)).not.toContain('Changed');
    await world.decide(first, 'refuse');
    world.clock.advance(60_000);
    const second = await askedIntent({ ...key, ...larger });
    const text = textOf((await opened(second)).page.body);
    expect(text).toMatch(/Changed since the request of 2026-11-23, 10:\d\d UTC, which was refused/);
    expect(text).toMatch(/Account ACC-1 ACC-2/);
    expect(text).toMatch(/100\b.* 1,?000\b/);
    expect(text).not.toMatch(/Venue XETR XETR/);
    await world.decide(second, 'allow');
    world.clock.advance(60_000);
    const third = await askedIntent({ ...key, ...larger });
    const again = textOf((await opened(third)).page.body);
    expect(again).toContain('You already allowed exactly this');
    expect(again).not.toContain('Changed since');
    world.clock.advance(60_000);
    const fourth = await askedIntent(key);
    const shorter = textOf((await opened(fourth)).page.body);
    expect(shorter).toContain('which was not decided');
    expect(shorter).toMatch(/Limit price 99 EUR \(Euro\) none: at market/);
    const waits = 'Another request for the same intent, with different terms, awaits your decision';
    expect(shorter).toContain(waits);
    // Both pages show the warning, because the honest request may be the later one.
    expect(textOf((await opened(third)).page.body)).toContain(waits);
  });

  it('nothing about an intent of another client, person or key', async () => {
    await askedIntent({ idempotency_key: 'warned-2' });
    const other = await askedIntent({ idempotency_key: 'warned-3', max_qty: '7' });
    expect(textOf((await opened(other)).page.body)).not.toContain('Changed');
  });
});

describe('a decision on a backchannel request', () => {
  it('to allow is recorded as a consent and an answer before it counts, and is then shown as allowed', async () => {
    const id = await asked();
    const requested = world.audit.last();
    const { browser, path, page } = await opened(id);
    const before = world.audit.records.length;
    const posted = await browser.post(path, world.formOf(page.body, 'allow'));
    expect([posted.statusCode, posted.headers.location]).toEqual([303, path]);
    const [given, granted, ...more] = recordsSince(before);
    expect(more).toEqual([]);
    expect(given?.type).toBe('consent.given');
    expect(granted).toMatchObject({
      type: 'authorization.granted',
      outcome: 'permit',
      client: 'trading-desk',
      subject: { id: anna },
      scope: ['openid', 'order:read'],
      audience: [venueOrders],
      references: [given?.id, requested.id],
      address: '127.0.0.1',
      data: { endpoint: 'approvals', auth_req_id_sha256: path.slice('/approvals/'.length) },
    });
    const shown = await browser.get(path);
    expect(textOf(shown.body)).toContain('You have allowed this');
    expect(await world.consentStore.grants.find(world.grantOf(id))).toMatchObject({
      client: 'trading-desk',
      scopes: ['openid', 'order:read'],
      resources: [venueOrders],
      session: expect.stringMatching(/^ses_/),
    });
  });

  it('to refuse is recorded, issues nothing, and is then shown as refused', async () => {
    const id = await asked();
    const requested = world.audit.last();
    const { browser, path, page } = await opened(id);
    const before = world.audit.records.length;
    await browser.post(path, world.formOf(page.body, 'refuse'));
    const [denied, refused, ...more] = recordsSince(before);
    expect(more).toEqual([]);
    expect(denied?.type).toBe('consent.denied');
    expect(refused).toMatchObject({
      type: 'backchannel.refused',
      outcome: 'deny',
      reason: 'consent_denied',
      references: [denied?.id, requested.id],
    });
    expect(textOf((await browser.get(path)).body)).toContain('You have refused this');
  });

  it('does not count if it cannot be recorded, and can be repeated later', async () => {
    const id = await asked();
    const { browser, path, page } = await opened(id);
    world.audit.breakDown();
    for (const decision of ['allow', 'refuse'])
      expect((await browser.post(path, world.formOf(page.body, decision))).statusCode).toBe(503);
    world.audit.repair();
    expect((await browser.get(path)).body).toContain('name="decision"');
    await browser.post(path, world.formOf(page.body, 'allow'));
    expect(await world.redeem(id)).toMatchObject({ token_type: 'DPoP' });
  });

  it('records one consent even if it is interrupted after the consent, and none if the consent was revoked since', async () => {
    for (const revoked of [false, true]) {
      const id = await asked();
      const { browser, path, page } = await opened(id);
      const before = world.audit.records.length;
      world.audit.breakDown('writing', ({ type }) => type === 'authorization.granted');
      expect((await browser.post(path, world.formOf(page.body, 'allow'))).statusCode).toBe(503);
      world.audit.repair();
      if (revoked) await world.consentStore.grants.revokeAll({ subject: anna }, { id: anna }, 'changed_my_mind');
      const again = await browser.post(path, world.formOf(page.body, 'allow'));
      expect([again.statusCode, pageCode(again.body)]).toEqual(revoked ? [409, 'approval_expired'] : [303, undefined]);
      expect(recordsSince(before).filter(({ type }) => type === 'consent.given')).toHaveLength(1);
    }
  });

  it('counts once: of twenty clicks for and against on two nodes, the first wins', async () => {
    const nodes = [world, world.node()] as const;
    const id = await asked();
    const { browser, path, page } = await opened(id);
    const second = world.browser(nodes[1].app);
    for (const [name, value] of browser.cookies) second.cookies.set(name, value);
    const before = world.audit.records.length;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? browser : second).post(path, world.formOf(page.body, index % 4 < 2 ? 'allow' : 'refuse')),
      ),
    );
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([303]));
    const decisions = recordsSince(before).filter(({ type }) => /^consent\./.test(type));
    expect(decisions).toHaveLength(1);
    const outcome = decisions[0]?.type === 'consent.given' ? 'allowed' : 'refused';
    expect(textOf((await second.get(path)).body)).toContain(`You have ${outcome} this`);
  });

  it('requires the form of this request, session and browser, sent from our own origin', async () => {
    const id = await asked();
    const { browser, path, page } = await opened(id);
    const form = world.formOf(page.body, 'allow');
    const code = async (change: Fields, headers: Fields = {}) => {
      const answer = await browser.post(path, { ...form, ...change }, headers);
      return [answer.statusCode, pageCode(answer.body)];
    };
    const forged = [403, 'csrf_token_invalid'];
    expect(await code({ csrf: undefined })).toEqual(forged);
    expect(await code({ csrf: 'x'.repeat(43) })).toEqual(forged);
    expect(await code({}, { 'sec-fetch-site': 'cross-site' })).toEqual(forged);
    expect(await code({}, { 'sec-fetch-site': undefined, origin: 'https://evil.example' })).toEqual(forged);
    const other = await opened(await asked());
    expect(await code({ csrf: hiddenField(other.page.body, 'csrf') })).toEqual(forged);
    const elsewhere = await opened(id);
    expect(await code({ csrf: hiddenField(elsewhere.page.body, 'csrf') })).toEqual(forged);
    expect(await code({ decision: undefined })).toEqual([400, 'decision_missing']);
    expect(await code({ decision: 'perhaps' })).toEqual([400, 'decision_missing']);
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'authorization_pending' });
    expect((await browser.post(path, form)).statusCode).toBe(303);
  });

  it('allows only what the page showed', async () => {
    const id = await asked({ scope: 'offline_access order:read' });
    const { browser, path, page } = await opened(id);
    world.world.changeClient('trading-desk', { grantTypes: ['urn:openid:params:grant-type:ciba'] });
    const answer = await browser.post(path, world.formOf(page.body, 'allow'));
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([409, 'approval_changed']);
    const anew = await browser.get(path);
    expect(textOf(anew.body)).not.toContain('offline_access');
    expect((await browser.post(path, world.formOf(anew.body, 'allow'))).statusCode).toBe(303);
    world.world.changeClient('trading-desk', { grantTypes: ['urn:openid:params:grant-type:ciba', 'refresh_token'] });
  });

  it('is refused and recorded if the client or the person is no longer authorised', async () => {
    const id = await asked();
    const { browser, path, page } = await opened(id);
    world.world.changeClient('trading-desk', { scopes: [] });
    const answer = await browser.post(path, world.formOf(page.body, 'allow'));
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([400, 'scope_not_allowed']);
    expect(world.audit.last()).toMatchObject({
      type: 'backchannel.refused',
      outcome: 'deny',
      reason: 'scope_not_allowed',
      subject: { id: anna },
      data: { endpoint: 'approvals' },
    });
    expect([(await browser.get(path)).statusCode]).toEqual([400]);
    world.world.changeClient('trading-desk', { scopes: ['order:create', 'order:read', 'openid', 'offline_access'] });
    const other = await createCibaWorld();
    const { auth_req_id } = await other.ask();
    const theirs = other.browser();
    const theirPath = other.pathOf(auth_req_id);
    const form = other.formOf((await other.openSignedIn(theirs, theirPath)).body, 'allow');
    other.world.remove('client', 'trading-desk');
    expect(pageCode((await theirs.post(theirPath, form)).body)).toBe('client_unknown');
    expect(other.audit.last()).toMatchObject({ type: 'backchannel.refused', reason: 'client_unknown' });
    // A person who acts for an institution with a retired registration is no longer signed in.
    other.world.lapse(broker);
    expect((await theirs.post(theirPath, form)).headers.location).toMatch(/^\/sign-in\//);
    await other.close();
  });
});

describe('the list of pending requests', () => {
  it('shows the signed-in person’s own open requests, the earliest expiry first', async () => {
    const own = await createCibaWorld({ options: { maxOutstandingForPerson: 1_000 } });
    own.world.changeClient('dashboard', { grantTypes: ['urn:openid:params:grant-type:ciba'], name: 'Dashboard' });
    const browser = own.browser();
    expect(textOf((await own.openSignedIn(browser, '/approvals')).body)).toContain('No requests await your decision');
    const ids = [
      (await own.ask(own.plain({ binding_message: 'LATER' }))).auth_req_id,
      (await own.ask(own.plain({ binding_message: 'SOONER', requested_expiry: '60' }))).auth_req_id,
    ];
    await own.ask(
      own.plain({
        authorization_details: JSON.stringify([own.order()]),
        scope: 'order:create',
        binding_message: undefined,
      }),
    );
    await own.ask({ login_hint: carl, scope: 'openid', binding_message: 'NOT-YOURS' }, { clientId: 'dashboard' });
    const { body } = await browser.get('/approvals');
    const text = textOf(body);
    expect(text.indexOf('SOONER')).toBeGreaterThan(0);
    expect(text.indexOf('SOONER')).toBeLessThan(text.indexOf('LATER'));
    expect(text).toContain('Buy up to 100');
    expect(text).not.toContain('NOT-YOURS');
    for (const id of ids) expect(body).toContain(`href="${own.pathOf(id)}"`);
    await own.decide(ids[0] ?? '', 'refuse');
    own.clock.advance(60_000);
    const later = textOf((await browser.get('/approvals')).body);
    expect(later).not.toContain('LATER');
    expect(later).not.toContain('SOONER');
    const carls = textOf((await own.openSignedIn(own.browser(), '/approvals', carl)).body);
    expect(carls).toContain('NOT-YOURS');
    expect(carls).toContain('Dashboard');
    expect(carls).toContain(`LEI`);
    expect(clearing).not.toBe(broker);
    own.world.remove('client', 'dashboard');
    expect(textOf((await own.openSignedIn(own.browser(), '/approvals', carl)).body)).toContain('dashboard');
    await own.close();
  });
});
