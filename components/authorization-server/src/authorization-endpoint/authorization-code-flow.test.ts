import { toInstant } from '@countersign/kernel';
import { importVerificationKey, verifyAuthorizationResponse } from '@countersign/oauth';
import { hiddenField, makeKey, signJws, type WebBrowser } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CodeFlowWorld,
  codeChallenge,
  createCodeFlowWorld,
  developmentAcr,
  type Parameters,
} from '../testing/code-flow-world.ts';
import { answerOf, pageCode } from '../testing/page-answers.ts';
import { brokerBook, dashboardRedirect, deskRedirect, venueOrders } from '../testing/trading-world.ts';

let world: CodeFlowWorld;
beforeAll(async () => {
  world = await createCodeFlowWorld();
});
afterAll(() => world.close());

let browser: WebBrowser;
beforeEach(() => {
  browser = world.browser();
});
afterEach(() => {
  world.audit.repair();
  world.upgradeSignIns({});
});

const desk = (uri: string) => world.authorizeUrl('trading-desk', uri);
const consentTo = async (uri: string, by: WebBrowser = browser) => world.toConsent(desk(uri), by);
const decide = (page: { readonly body: string }, decision = 'allow', by: WebBrowser = browser) =>
  by.post('/authorize/decision', world.consentForm(page.body, decision));
const typesSince = (count: number) => world.audit.records.slice(count).map(({ type }) => type);

/** The request of an ordinary relying party, in the query. */
const dashboard = (change: Parameters = {}): string =>
  `/authorize?${world.form({
    client_id: 'dashboard',
    response_type: 'code',
    redirect_uri: dashboardRedirect,
    scope: 'openid',
    state: 'd-1',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    ...change,
  })}`;

describe('an authorization request without a resource', () => {
  const audiencesBefore = () => world.world.directory.snapshot().client('trading-desk')?.audiences ?? [];

  it('uses the only interface of its client and is refused if several interfaces offer the scopes', async () => {
    const audiences = audiencesBefore();
    world.world.changeClient('trading-desk', { audiences: audiences.filter((uri) => uri === venueOrders) });
    const unnamed = world.deskRequest({ resource: undefined, authorization_details: undefined, scope: 'order:read' });
    const page = await consentTo(await world.pushed('trading-desk', unnamed));
    expect(page.body).toContain(venueOrders);
    const { code } = answerOf(await decide(page));
    expect(await world.codes.find(code ?? '')).toMatchObject({ resource: venueOrders, scopes: ['order:read'] });

    // Another interface is registered between push and arrival, so the intended interface is ambiguous.
    const uri = await world.pushed('trading-desk', unnamed);
    const twice = world.world.directory.snapshot().resource(brokerBook)?.uri;
    world.world.changeClient('trading-desk', {
      audiences: audiences.filter((each) => each === venueOrders || each === twice),
    });
    expect(answerOf(await world.browser().get(desk(uri)))).toMatchObject({ error: 'invalid_target' });
    world.world.changeClient('trading-desk', { audiences });
  });
});

describe('a relying party without PKCE', () => {
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  afterAll(() => world.world.changeClient('dashboard', { requirePkce: true }));

  it('is refused for a missing code challenge until it is registered as exempt from PKCE', async () => {
    const answer = await world.browser().get(dashboard({ ...without, nonce: 'n-1' }));
    expect(answerOf(answer)).toMatchObject({ error: 'invalid_request' });
  });

  it('must send a nonce, request an ID token, and send either all PKCE parameters or none', async () => {
    world.world.changeClient('dashboard', { requirePkce: false });
    const refused = [
      without,
      { ...without, nonce: '' },
      { ...without, nonce: 'n-1', scope: 'profile' },
      { code_challenge: undefined, nonce: 'n-1' },
      { code_challenge_method: undefined, nonce: 'n-1' },
      { code_challenge_method: 'plain', nonce: 'n-1' },
    ];
    for (const change of refused)
      expect(answerOf(await world.browser().get(dashboard(change)))).not.toHaveProperty('code');
    const browser = world.browser();
    const page = await world.toConsent(dashboard({ ...without, nonce: 'n-1' }), browser);
    expect(page.statusCode).toBe(200);
  });
});

describe('the code flow', () => {
  it('issues a code after the pushed request, sign-in and consent, recording each step before the next', async () => {
    const before = world.audit.records.length;
    const page = await consentTo(await world.pushed());
    expect(page.statusCode).toBe(200);
    const answer = await decide(page);
    expect(answer.statusCode).toBe(303);
    expect(String(answer.headers.location).startsWith(`${deskRedirect}?`)).toBe(true);
    expect(answerOf(answer)).toEqual({
      code: expect.stringMatching(/^[\w-]{43}$/),
      state: 'state-1',
      iss: world.issuer,
    });
    expect(typesSince(before)).toEqual([
      'authorization.pushed',
      'session.started',
      'consent.given',
      'authorization.granted',
    ]);
    const [pushed, , consent, granted] = world.audit.records.slice(before);
    expect(granted).toMatchObject({
      outcome: 'permit',
      client: 'trading-desk',
      subject: { id: 'person:anna.keller' },
      scope: ['openid', 'order:create'],
      audience: [venueOrders],
      references: [consent?.id, pushed?.id],
      authentication: { acr: developmentAcr },
    });
    expect(JSON.stringify(granted)).not.toContain(answerOf(answer)['code']);
  });

  it('binds the code to the request and to the sign-in of the person', async () => {
    const uri = await world.pushed('trading-desk', world.deskRequest({ dpop_jkt: codeChallenge }));
    const { code } = answerOf(await decide(await consentTo(uri)));
    const binding = await world.codes.find(code ?? '');
    const grant = binding && (await world.grants.find(binding.grant));
    expect(binding).toMatchObject({
      client: 'trading-desk',
      redirectUri: deskRedirect,
      codeChallenge,
      dpopJkt: codeChallenge,
      nonce: 'nonce-1',
      resource: venueOrders,
      scopes: ['openid', 'order:create'],
      acr: developmentAcr,
      authTime: world.seconds(),
      redeemed: false,
    });
    expect(grant).toMatchObject({
      client: 'trading-desk',
      subject: 'person:anna.keller',
      scopes: ['openid', 'order:create'],
      resources: [venueOrders],
      session: binding?.session,
      // No later than the end of the last intent.
      expiresAt: '2026-11-23T17:00:00.000Z',
    });
    expect(grant?.details).toHaveLength(1);
  });

  it('keeps the query of the registered redirect URI', async () => {
    const redirect = 'https://desk.example/callback?tenant=1';
    world.world.changeClient('trading-desk', { redirectUris: [deskRedirect, redirect] });
    const uri = await world.pushed('trading-desk', world.deskRequest({ redirect_uri: redirect }));
    const answer = await decide(await consentTo(uri));
    expect(String(answer.headers.location)).toMatch(/^https:\/\/desk\.example\/callback\?tenant=1&code=/);
    world.world.changeClient('trading-desk', { redirectUris: [deskRedirect] });
  });

  it('ignores every parameter except client_id and request_uri', async () => {
    const uri = await world.pushed();
    const outside = world.form({ redirect_uri: 'https://evil.example/', scope: 'order:read', state: 'evil' });
    const page = await world.toConsent(`${desk(uri)}&${outside}&request=x.y.z&response_type=token`, browser);
    const answer = await decide(page);
    expect(String(answer.headers.location).startsWith(deskRedirect)).toBe(true);
    expect(answerOf(answer)).toMatchObject({ state: 'state-1' });
  });

  it('also accepts the request by POST and redirects the browser with 303', async () => {
    const uri = await world.pushed();
    const posted = await browser.post(
      '/authorize',
      { client_id: 'trading-desk', request_uri: uri },
      { origin: 'https://desk.example', 'sec-fetch-site': 'cross-site' },
    );
    expect(posted.statusCode).toBe(303);
    const page = await world.toConsent(String(posted.headers.location), browser);
    expect(page.statusCode).toBe(200);
  });

  it('survives a reload before the sign-in, a reload of the consent page, and a change of node', async () => {
    const uri = await world.pushed();
    const first = await browser.get(desk(uri));
    const second = await browser.get(desk(uri));
    expect([first.statusCode, second.statusCode]).toEqual([303, 303]);
    const back = await world.signInAt(browser, String(second.headers.location));
    const shown = await browser.get(String(back.headers.location));
    const shownAgain = await browser.get(String(back.headers.location));
    const fresh = await browser.get(desk(uri));
    for (const page of [shown, shownAgain, fresh])
      expect(world.consentForm(page.body)).toEqual(world.consentForm(shown.body));
    const elsewhere = world.browser(world.node().app);
    for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value);
    expect(await decide(shown, 'allow', elsewhere)).toMatchObject({ statusCode: 303 });
  });

  it('accepts a decision after the request URI has expired, but no new browser', async () => {
    const uri = await world.pushed();
    const page = await consentTo(uri);
    world.clock.advance(300_000);
    const late = await world.browser().get(desk(uri));
    expect([late.statusCode, pageCode(late.body)]).toEqual([400, 'request_uri_expired']);
    expect(answerOf(await decide(page))).toMatchObject({ code: expect.any(String) });
  });

  it('expires the consent page after fifteen minutes', async () => {
    const page = await consentTo(await world.pushed());
    world.clock.advance(900_000);
    const late = await decide(page);
    expect([late.statusCode, pageCode(late.body)]).toEqual([400, 'interaction_expired']);
  });

  it('releases nothing while the log cannot be written, and continues once it can', async () => {
    const page = await consentTo(await world.pushed());
    world.audit.breakDown();
    const failed = await decide(page);
    expect([failed.statusCode, pageCode(failed.body)]).toEqual([503, 'log_unavailable']);
    world.audit.repair();
    expect(answerOf(await decide(page))).toMatchObject({ code: expect.any(String) });
  });

  it('sends pages and redirects without CORS headers, without a referrer, and with no-store', async () => {
    const uri = await world.pushed();
    const arrived = await browser.get(desk(uri), { origin: 'https://desk.example' });
    const page = await consentTo(uri);
    const answer = await decide(page);
    for (const response of [arrived, page, answer]) {
      expect(response.headers['access-control-allow-origin']).toBeUndefined();
      expect(response.headers['referrer-policy']).toBe('no-referrer');
      expect(response.headers['cache-control']).toBe('no-store');
    }
    expect(page.headers['content-security-policy']).toContain("form-action 'self' https://desk.example;");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const cookie = arrived.cookies.find(({ name }) => name === '__Host-countersign-interaction');
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
    expect((await world.app.inject({ method: 'OPTIONS', url: '/authorize' })).statusCode).toBe(404);
    expect((await world.app.inject({ method: 'HEAD', url: desk(uri) })).statusCode).toBe(404);
  });
});

describe('one decision, one code', () => {
  it('issues the same code for twenty simultaneous clicks on two nodes', async () => {
    const uri = await world.pushed();
    const page = await consentTo(uri);
    const other = world.browser(world.node().app);
    for (const [name, value] of browser.cookies) other.cookies.set(name, value);
    const before = world.audit.records.length;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => decide(page, 'allow', index % 2 === 0 ? browser : other)),
    );
    expect(new Set(answers.map((answer) => answerOf(answer)['code'])).size).toBe(1);
    expect(typesSince(before)).toEqual(['consent.given', 'authorization.granted']);
  });

  it('issues no code to the second of two browsers that were sent the same request', async () => {
    const uri = await world.pushed();
    const second = world.browser();
    const [page, otherPage] = [await consentTo(uri), await consentTo(uri, second)];
    const before = world.audit.records.length;
    const answers = await Promise.all([decide(page), decide(otherPage, 'allow', second)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([303, 400]);
    expect(answers.map(({ body }) => pageCode(body))).toContain('request_uri_used');
    expect(typesSince(before)).toEqual(['consent.given', 'authorization.granted']);
  });

  it('returns the same code after going back, until the code is redeemed', async () => {
    const uri = await world.pushed();
    const page = await consentTo(uri);
    const { code } = answerOf(await decide(page));
    expect(answerOf(await decide(page))).toMatchObject({ code });
    expect(answerOf(await browser.get(desk(uri)))).toMatchObject({ code });
    await world.codes.redeem(code ?? '');
    for (const again of [await decide(page), await browser.get(desk(uri))])
      expect([again.statusCode, pageCode(again.body)]).toEqual([400, 'interaction_decided']);
  });

  it('records one consent even if the first decision is interrupted after the consent', async () => {
    const page = await consentTo(await world.pushed());
    const before = world.audit.records.length;
    world.audit.breakDown('writing', ({ type }) => type === 'authorization.granted');
    expect((await decide(page)).statusCode).toBe(503);
    world.audit.repair();
    expect(answerOf(await decide(page))).toHaveProperty('code');
    expect(typesSince(before)).toEqual(['consent.given', 'authorization.granted']);
  });

  it('issues no code if the consent is revoked before an interrupted decision is repeated', async () => {
    const page = await consentTo(await world.pushed());
    world.audit.breakDown('writing', ({ type }) => type === 'authorization.granted');
    expect((await decide(page)).statusCode).toBe(503);
    world.audit.repair();
    await world.grants.revokeAll({ client: 'trading-desk' }, { id: 'person:anna.keller' }, 'test');
    const again = await decide(page);
    expect([again.statusCode, pageCode(again.body)]).toEqual([400, 'interaction_decided']);
  });

  it('does not return the code again after one minute', async () => {
    const page = await consentTo(await world.pushed());
    await decide(page);
    world.clock.advance(60_000);
    const again = await decide(page);
    expect([again.statusCode, pageCode(again.body)]).toEqual([400, 'interaction_decided']);
  });

  it('does not return the code to the next person at the same desk', async () => {
    const uri = await world.pushed();
    expect(answerOf(await decide(await consentTo(uri)))).toHaveProperty('code');
    const signOut = await browser.get('/sign-out');
    await browser.post('/sign-out', { csrf: hiddenField(signOut.body, 'csrf') });
    const again = await browser.get(desk(uri));
    expect([again.statusCode, pageCode(again.body)]).toEqual([400, 'interaction_decided']);
  });

  it('refuses another browser that presents a used request URI', async () => {
    const uri = await world.pushed();
    await decide(await consentTo(uri));
    const late = await world.browser().get(desk(uri));
    expect([late.statusCode, pageCode(late.body)]).toEqual([400, 'request_uri_used']);
  });

  it('keeps the first decision', async () => {
    const page = await consentTo(await world.pushed());
    expect(answerOf(await decide(page, 'refuse'))).toMatchObject({ error: 'access_denied' });
    expect(answerOf(await decide(page, 'allow'))).toMatchObject({ error: 'access_denied' });
  });
});

describe('a refusal on the consent page', () => {
  it('is recorded before the client receives the error with state and issuer', async () => {
    const before = world.audit.records.length;
    const answer = await decide(await consentTo(await world.pushed()), 'refuse');
    expect(answer.statusCode).toBe(303);
    expect(answerOf(answer)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'state-1',
      iss: world.issuer,
    });
    expect(typesSince(before).slice(-2)).toEqual(['consent.denied', 'authorization.refused']);
    expect(world.audit.last()).toMatchObject({
      outcome: 'deny',
      reason: 'consent_denied',
      subject: { id: 'person:anna.keller' },
      references: expect.arrayContaining([world.audit.records.at(-2)?.id]),
    });
  });
});

describe('the consent form', () => {
  const forged = async (change: Parameters, headers: Parameters = {}, by: WebBrowser = browser) => {
    const page = await consentTo(await world.pushed());
    const before = world.audit.records.length;
    const answer = await by.post('/authorize/decision', { ...world.consentForm(page.body), ...change }, headers);
    expect(typesSince(before)).toEqual([]);
    return [answer.statusCode, pageCode(answer.body)];
  };

  it.each([undefined, '', 'x', 'a'.repeat(43)])('is rejected with the CSRF token %j', async (csrf) => {
    expect(await forged({ csrf })).toEqual([403, 'csrf_token_invalid']);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a sibling of ours', { 'sec-fetch-site': 'same-site', origin: 'https://evil.as.example' }],
    ['another site, by an old browser', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['an unknown place', { 'sec-fetch-site': undefined, origin: undefined }],
  ])('is rejected when it comes from %s', async (_, headers) => {
    expect(await forged({}, headers)).toEqual([403, 'csrf_token_invalid']);
  });

  it('is rejected in another browser with a different person signed in', async () => {
    const page = await consentTo(await world.pushed());
    const other = world.browser();
    const otherPage = await consentTo(await world.pushed(), other);
    const before = world.audit.records.length;
    const stolen = await decide(page, 'allow', other);
    expect([stolen.statusCode, pageCode(stolen.body)]).toEqual([400, 'interaction_unknown']);
    // A token from the attacker's own page does not open another interaction.
    const mixed = await other.post('/authorize/decision', {
      ...world.consentForm(otherPage.body),
      interaction: hiddenField(page.body, 'interaction'),
    });
    expect([mixed.statusCode, pageCode(mixed.body)]).toEqual([400, 'interaction_unknown']);
    expect(typesSince(before)).toEqual([]);
  });

  it('is rejected with the CSRF token of another page in the same browser', async () => {
    const page = await consentTo(await world.pushed());
    const otherPage = await consentTo(await world.pushed());
    const mixed = await browser.post('/authorize/decision', {
      ...world.consentForm(page.body),
      csrf: hiddenField(otherPage.body, 'csrf'),
    });
    expect([mixed.statusCode, pageCode(mixed.body)]).toEqual([403, 'csrf_token_invalid']);
  });

  it('is rejected after a different person has signed in', async () => {
    const page = await consentTo(await world.pushed());
    const elsewhere = await browser.get(dashboard({ prompt: 'login' }));
    await world.signInAt(browser, String(elsewhere.headers.location), 'person:carl.otto');
    // The first person's trading session ended with it, so the next person has to sign in.
    const answer = await decide(page);
    expect(answer.headers.location).toMatch(/^\/sign-in\//);
    const back = await world.signInAt(browser, String(answer.headers.location), 'person:carl.otto');
    const before = world.audit.records.length;
    expect(answerOf(await browser.get(String(back.headers.location)))).toMatchObject({ error: 'access_denied' });
    expect(typesSince(before)).toEqual(['authorization.refused']);
    expect(world.audit.last()).toMatchObject({ reason: 'person_institution', subject: { id: 'person:carl.otto' } });
  });

  it('requires a new sign-in if the session has ended in the meantime', async () => {
    const page = await consentTo(await world.pushed());
    const { session } = (await world.authentication.inBrowser(cookieHeader(browser)))[0] ?? {};
    if (session === undefined) throw new Error('nobody is signed in');
    await world.authentication.end(session, 'test');
    const answer = await decide(page);
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toMatch(/^\/sign-in\//);
  });

  it.each([undefined, '', 'yes', 'Allow'])('is rejected with the decision %j', async (decision) => {
    expect(await forged({ decision })).toEqual([400, 'decision_missing']);
  });

  it.each([undefined, '', 'x', 'a'.repeat(22), 'a'.repeat(100_000)])(
    'is rejected for the interaction %j',
    async (interaction) => {
      const [status, code] = await forged({ interaction });
      expect([400, 413]).toContain(status);
      expect(['interaction_unknown', 'form_malformed']).toContain(code);
    },
  );

  it('is rejected with a duplicated field', async () => {
    const page = await consentTo(await world.pushed());
    const answer = await world.app.inject({
      method: 'POST',
      url: '/authorize/decision',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
        cookie: cookieHeader(browser),
      },
      payload: `${world.form(world.consentForm(page.body, 'refuse'))}&decision=allow`,
    });
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([400, 'form_malformed']);
  });
});

function cookieHeader({ cookies }: WebBrowser): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

describe('a request that cannot be trusted', () => {
  /** An error page, never a redirect. */
  async function onPage(url: string) {
    const answer = await browser.get(url);
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    return [answer.statusCode, pageCode(answer.body)];
  }

  it('shows an error page', async () => {
    const uri = await world.pushed();
    expect(await onPage('/authorize')).toEqual([400, 'client_id_missing']);
    expect(await onPage(`/authorize?request_uri=${uri}`)).toEqual([400, 'client_id_missing']);
    expect(await onPage(world.authorizeUrl('nobody', uri))).toEqual([400, 'client_unknown']);
    expect(await onPage(world.authorizeUrl('NOT AN ID', uri))).toEqual([400, 'client_unknown']);
    expect(await onPage(`${desk(uri)}&client_id=trading-desk`)).toEqual([400, 'form_repeated']);
    expect(await onPage(`${desk(uri)}&request_uri=x`)).toEqual([400, 'form_repeated']);
    expect(await onPage('/authorize?client_id=%ff')).toEqual([400, 'form_malformed']);
    expect(await onPage(`/authorize?${'a=1&'.repeat(50)}b=1`)).toEqual([413, 'form_too_large']);
  });

  it.each([
    'https://evil.example/request.jwt',
    'http://169.254.169.254/latest/meta-data',
    'urn:ietf:params:oauth:request_uri:',
    'urn:ietf:params:oauth:request_uri:short',
    `urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}`,
    `URN:ietf:params:oauth:request_uri:${'a'.repeat(43)}`,
    'x'.repeat(8_000),
  ])('shows an error page for the request URI %s and fetches nothing', async (uri) => {
    expect(await onPage(desk(uri))).toEqual([400, 'request_uri_unknown']);
  });

  it('shows the same error page for a request URI pushed by another client as for an unknown one', async () => {
    const uri = await world.pushed();
    expect(await onPage(world.authorizeUrl('dashboard', uri))).toEqual([400, 'request_uri_unknown']);
    expect(await onPage(world.authorizeUrl('order-desk', uri))).toEqual([400, 'request_uri_unknown']);
  });

  it('shows an error page after it has expired', async () => {
    const uri = await world.pushed();
    world.clock.advance(300_000);
    expect(await onPage(desk(uri))).toEqual([400, 'request_uri_expired']);
  });

  it('shows an error page if a fapi2 client did not push it', async () => {
    const url = `/authorize?${world.form({ client_id: 'trading-desk', ...world.deskRequest() })}`;
    expect(await onPage(url)).toEqual([400, 'pushed_request_required']);
  });

  it.each([
    ['Case', 'https://dashboard.example/Callback'],
    ['slash', 'https://dashboard.example/callback/'],
    ['traversal', 'https://dashboard.example/x/../callback'],
    ['port', 'https://dashboard.example:444/callback'],
    ['user', 'https://dashboard.example@evil.example/callback'],
    ['query', 'https://dashboard.example/callback?x=1'],
  ])('shows an error page for its redirect URI (%s)', async (_, redirect) => {
    expect(await onPage(dashboard({ redirect_uri: redirect }))).toEqual([400, 'redirect_uri_unregistered']);
  });

  it('shows an error page if the redirect URI is missing or is not a URI', async () => {
    expect(await onPage(dashboard({ redirect_uri: undefined }))).toEqual([400, 'parameter_missing']);
    expect(await onPage(dashboard({ redirect_uri: 'x' }))).toEqual([400, 'parameter_malformed']);
    expect(await onPage(dashboard({ redirect_uri: `${dashboardRedirect}#x` }))).toEqual([400, 'parameter_malformed']);
  });

  it('shows an error page if the redirect URI was removed from the registration after the push', async () => {
    const uri = await world.pushed();
    world.world.changeClient('trading-desk', { redirectUris: [] });
    expect(await onPage(desk(uri))).toEqual([400, 'redirect_uri_unregistered']);
    world.world.changeClient('trading-desk', { redirectUris: [deskRedirect] });
  });

  it('leaves no record because no caller is authenticated', async () => {
    const before = world.audit.records.length;
    await browser.get('/authorize?client_id=nobody');
    await browser.get(desk(`urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}`));
    expect(typesSince(before)).toEqual([]);
  });

  it('shows an error page for a return from a sign-in that did not start here', async () => {
    expect(await onPage('/authorize/resume')).toEqual([400, 'interaction_unknown']);
    expect(await onPage(`/authorize/resume?interaction=${'a'.repeat(22)}`)).toEqual([400, 'interaction_unknown']);
    const page = await consentTo(await world.pushed());
    const id = hiddenField(page.body, 'interaction') ?? '';
    const other = await world.browser().get(`/authorize/resume?interaction=${id}`);
    expect([other.statusCode, pageCode(other.body)]).toEqual([400, 'interaction_unknown']);
  });
});

describe('an invalid request from a trusted client', () => {
  it.each([
    ['response_type', undefined, 'invalid_request'],
    ['response_type', 'token', 'unsupported_response_type'],
    ['response_type', 'code id_token', 'unsupported_response_type'],
    ['code_challenge', undefined, 'invalid_request'],
    ['code_challenge_method', undefined, 'invalid_request'],
    ['code_challenge_method', 'plain', 'invalid_request'],
    ['scope', undefined, 'invalid_scope'],
    ['scope', 'order:create', 'invalid_scope'],
    ['scope', 'openid order:read', 'invalid_scope'],
    ['scope', 'profile', 'invalid_scope'],
    ['resource', venueOrders, 'invalid_target'],
    ['authorization_details', '[{"type":"x"}]', 'invalid_authorization_details'],
    ['nonce', 'n'.repeat(513), 'invalid_request'],
    ['prompt', 'none login', 'invalid_request'],
    ['id_token_hint', 'not.a.token', 'invalid_request'],
    ['response_mode', 'fragment', 'invalid_request'],
    ['response_mode', 'form_post', 'invalid_request'],
    ['request', 'e30.e30.', 'request_not_supported'],
    ['request_uri', 'https://dashboard.example/request.jwt', 'request_uri_not_supported'],
  ])('is answered with an error at its redirect URI: %s=%s', async (name, value, error) => {
    const answer = await browser.get(dashboard({ [name]: value }));
    expect(answer.statusCode).toBe(303);
    expect(answerOf(answer)).toEqual({
      error,
      error_description: expect.any(String),
      state: 'd-1',
      iss: world.issuer,
    });
  });

  it('is explained using only the characters that RFC 6749 allows', async () => {
    const answer = answerOf(await browser.get(dashboard({ scope: 'openid order:fly' })));
    expect(answer['error_description']).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('never causes an internal error, whatever a browser sends', async () => {
    const names = ['client_id', 'request_uri', 'redirect_uri', 'scope', 'state', 'prompt', 'claims', 'id_token_hint'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.json(), fc.constantFrom('__proto__', '%00', '[[[[')),
        async (name, value) => {
          const { statusCode } = await world.browser().get(dashboard({ [name]: value }));
          expect([303, 400, 413]).toContain(statusCode);
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);

  it('reports an invalid state without repeating it', async () => {
    const answer = await browser.get(dashboard({ state: 's'.repeat(513) }));
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([400, 'parameter_too_long']);
  });

  it('is recorded once if the client has changed since the push', async () => {
    const uri = await world.pushed();
    const scopes = world.world.directory.snapshot().client('trading-desk')?.scopes ?? [];
    world.world.changeClient('trading-desk', { scopes: ['openid'] });
    const before = world.audit.records.length;
    for (const answer of [await browser.get(desk(uri)), await browser.get(desk(uri))])
      expect(answerOf(answer)).toMatchObject({ error: 'invalid_scope' });
    expect(typesSince(before)).toEqual(['authorization.refused']);
    expect(world.audit.last()).toMatchObject({ reason: 'scope_not_allowed', client: 'trading-desk' });
    world.world.changeClient('trading-desk', { scopes });
  });
});

describe('an ordinary relying party', () => {
  it('signs a person in with plain parameters and drops whatever it is not permitted', async () => {
    const page = await world.toConsent(dashboard({ scope: 'openid profile email offline_access' }), browser);
    const { code } = answerOf(await decide(page));
    expect(await world.codes.find(code ?? '')).toMatchObject({
      client: 'dashboard',
      scopes: ['openid', 'offline_access'],
    });
  });

  it('receives the registered name and address of a person who allows this on the page', async () => {
    const { scopes = [] } = world.world.directory.snapshot().client('dashboard') ?? {};
    world.world.changeClient('dashboard', { scopes: [...scopes, 'profile', 'email'] });
    const page = await world.toConsent(dashboard({ scope: 'openid profile email' }), browser);
    expect(page.body).toContain('Learn your name.');
    expect(page.body).toContain('Learn your e-mail address.');
    const { code } = answerOf(await decide(page));
    expect(await world.codes.find(code ?? '')).toMatchObject({ scopes: ['openid', 'profile', 'email'] });
    // Without the scope `openid` there is no sign-in, so userinfo has no subject for these claims.
    expect(answerOf(await browser.get(dashboard({ scope: 'profile email' })))).toMatchObject({
      error: 'invalid_scope',
    });
    world.world.changeClient('dashboard', { scopes });
    await world.grants.revokeAll({ client: 'dashboard' }, { id: 'person:anna.keller' }, 'test');
  });

  it('gets a code without a question if the person has already allowed as much', async () => {
    await decide(await world.toConsent(dashboard({ scope: 'openid offline_access' }), browser));
    const before = world.audit.records.length;
    const again = await browser.get(dashboard({ nonce: 'again' }));
    const { code } = answerOf(again);
    expect(await world.codes.find(code ?? '')).toMatchObject({ scopes: ['openid'], nonce: 'again' });
    expect(typesSince(before)).toEqual(['authorization.granted']);
    expect(world.audit.last()).toMatchObject({ data: { remembered: true } });
    const other = answerOf(await browser.get(dashboard({ nonce: 'again' })));
    expect(other['code']).not.toBe(code);
  });

  it('asks again when the client requests it, when it needs more, and after the consent was revoked', async () => {
    const carl = world.browser();
    const ask = (change: Parameters) => world.toConsent(dashboard(change), carl, 'person:carl.otto');
    await decide(await ask({}), 'allow', carl);
    expect((await carl.get(dashboard())).statusCode).toBe(303);
    expect((await carl.get(dashboard({ prompt: 'consent' }))).statusCode).toBe(200);
    expect((await carl.get(dashboard({ scope: 'openid offline_access' }))).statusCode).toBe(200);
    await world.grants.revokeAll({ subject: 'person:carl.otto' }, { id: 'person:carl.otto' }, 'test');
    expect((await carl.get(dashboard())).statusCode).toBe(200);
  });

  it('may also push its request', async () => {
    const uri = await world.pushed('dashboard', {
      ...Object.fromEntries(new URLSearchParams(dashboard({ client_id: undefined, prompt: 'consent' }).split('?')[1])),
    });
    const page = await world.toConsent(world.authorizeUrl('dashboard', uri), browser);
    expect(answerOf(await decide(page))).toMatchObject({ code: expect.any(String) });
  });
});

describe('a client that trades', () => {
  it('asks for consent every time, even if the person allowed it before', async () => {
    const plain = world.deskRequest({ authorization_details: undefined, scope: 'openid order:read' });
    await decide(await consentTo(await world.pushed('trading-desk', plain)));
    expect((await consentTo(await world.pushed('trading-desk', plain))).statusCode).toBe(200);
    expect((await consentTo(await world.pushed())).statusCode).toBe(200);
  });

  it('is not available to people of other institutions', async () => {
    const carl = world.browser();
    const answer = await world.toConsent(desk(await world.pushed()), carl, 'person:carl.otto');
    expect(answerOf(answer)).toMatchObject({ error: 'access_denied', state: 'state-1' });
    expect(world.audit.last()).toMatchObject({
      type: 'authorization.refused',
      reason: 'person_institution',
      subject: { id: 'person:carl.otto' },
    });
  });

  it('gets nothing in production if it is a sandbox client', async () => {
    const production = await createCodeFlowWorld({ environment: 'production' });
    expect(await production.push('trading-desk', production.deskRequest())).toMatchObject({
      status: 400,
      reason: 'client_environment',
    });
    const visitor = production.browser();
    expect(answerOf(await visitor.get(dashboard()))).toMatchObject({ error: 'unauthorized_client' });
    await production.close();
  });
});

describe('the sign-in that a client requests', () => {
  it('is required again by prompt=login, even if the person is signed in', async () => {
    await decide(await world.toConsent(dashboard({ prompt: 'consent' }), browser));
    // In the same second.
    for (const change of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }])
      expect((await browser.get(dashboard(change))).headers.location).toMatch(/^\/sign-in\//);
    world.clock.advance(5_000);
    const answer = await browser.get(dashboard({ prompt: 'login' }));
    const back = await world.signInAt(browser, String(answer.headers.location));
    const done = await browser.get(String(back.headers.location));
    expect(await world.codes.find(answerOf(done)['code'] ?? '')).toMatchObject({ authTime: world.seconds() });
  });

  it('may be as old as max_age allows when the request arrives', async () => {
    await decide(await world.toConsent(dashboard({ prompt: 'consent' }), browser));
    world.clock.advance(30_000);
    expect(answerOf(await browser.get(dashboard({ max_age: '30' })))).toMatchObject({ code: expect.any(String) });
    const older = await browser.get(dashboard({ max_age: '29' }));
    expect(older.headers.location).toMatch(/^\/sign-in\//);
    expect(answerOf(await browser.get(dashboard({ max_age: '29', prompt: 'none' })))).toMatchObject({
      error: 'login_required',
    });
  });

  it('is not shown with prompt=none, which returns login_required, or consent_required if only consent is missing', async () => {
    const before = world.audit.records.length;
    expect(answerOf(await browser.get(dashboard({ prompt: 'none' })))).toMatchObject({ error: 'login_required' });
    expect(typesSince(before)).toEqual([]);
    const larger = world.browser();
    await world.grants.revokeAll({ client: 'dashboard' }, { id: 'person:anna.keller' }, 'test');
    await world.toConsent(dashboard(), larger);
    expect(answerOf(await larger.get(dashboard({ prompt: 'none' })))).toMatchObject({ error: 'consent_required' });
    expect(world.audit.last()).toMatchObject({ type: 'authorization.refused', reason: 'consent_not_given_yet' });
  });

  it('uses up the request URI when it ends in an error, so that other browsers cause no further records', async () => {
    const uri = await world.pushed('trading-desk', world.deskRequest({ prompt: 'none' }));
    const before = world.audit.records.length;
    const visits = await Promise.all(Array.from({ length: 8 }, () => world.browser().get(desk(uri))));
    expect(visits.map(({ statusCode }) => statusCode).sort()).toEqual([303, ...Array(7).fill(400)]);
    expect(typesSince(before)).toEqual(['authorization.refused']);
  });

  it('returns unmet_authentication_requirements if its class differs from the one that a trading client requires', async () => {
    const uri = await world.pushed('trading-desk', world.deskRequest({ acr_values: 'phr phrh' }));
    const arrived = await browser.get(desk(uri));
    world.upgradeSignIns({ acr: 'pwd' });
    await world.toConsent(dashboard({ prompt: 'consent' }), browser);
    expect(arrived.headers.location).toMatch(/^\/sign-in\//);
    const id = await interactionOf(uri);
    const back = await browser.get(`/authorize/resume?interaction=${id}`);
    expect(answerOf(back)).toMatchObject({ error: 'unmet_authentication_requirements', state: 'state-1' });
    expect(world.audit.last()).toMatchObject({ reason: 'sign_in_class' });
  });

  it('is optional for a relying party that sends acr_values, and required if the claim is essential', async () => {
    expect((await world.toConsent(dashboard({ acr_values: 'phr', prompt: 'consent' }), browser)).statusCode).toBe(200);
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['phr'] } } });
    const demanded = await browser.get(dashboard({ claims }));
    expect(demanded.headers.location).toMatch(/^\/sign-in\//);
    expect(answerOf(await browser.get(dashboard({ claims, prompt: 'none' })))).toMatchObject({
      error: 'login_required',
    });
  });

  it.each([
    ['acr_values', { acr_values: 'urn:nobody:knows:this urn:nor:this' }],
    ['a voluntary claim', { claims: JSON.stringify({ id_token: { acr: { values: ['urn:nobody:knows:this'] } } }) }],
  ])('has the configured class when a relying party requests an unknown one by %s', async (_how, wish) => {
    const page = await world.toConsent(dashboard({ ...wish, prompt: 'consent' }), browser);
    expect(page.statusCode).toBe(200);
    expect(answerOf(await decide(page))).toMatchObject({ code: expect.any(String), state: 'd-1' });
    // The class is in the consent, and from there in the ID token.
    expect(world.audit.records.findLast(({ type }) => type === 'authorization.granted')?.authentication?.acr).toBe(
      developmentAcr,
    );
  });

  it('is required again if an ID token hint is too old to identify the person', async () => {
    await decide(await world.toConsent(dashboard({ prompt: 'consent' }), browser));
    const gone = makeKey();
    const seconds = Math.floor(world.clock.now() / 1000);
    const hint = signJws(
      gone,
      { alg: 'ES256', typ: 'JWT', kid: gone.kid },
      {
        iss: world.issuer,
        sub: 'person:carl.otto',
        aud: 'dashboard',
        iat: seconds,
        exp: seconds + 60,
        auth_time: seconds,
      },
    );
    expect(answerOf(await browser.get(dashboard({ id_token_hint: hint, prompt: 'none' })))).toMatchObject({
      error: 'login_required',
    });
    expect(answerOf(await browser.get(dashboard({ prompt: 'none' })))).toMatchObject({ code: expect.any(String) });
  });

  it('must be that of the requested subject', async () => {
    await world.toConsent(dashboard({ prompt: 'consent' }), browser);
    const other = JSON.stringify({ id_token: { sub: { value: 'person:carl.otto' } } });
    expect(answerOf(await browser.get(dashboard({ claims: other })))).toMatchObject({ error: 'login_required' });
    const self = JSON.stringify({ id_token: { sub: { value: 'person:anna.keller' } } });
    expect((await browser.get(dashboard({ claims: self, prompt: 'consent' }))).statusCode).toBe(200);
  });

  it('is reported to the client once when the person cancels it', async () => {
    const uri = await world.pushed();
    const arrived = await browser.get(desk(uri));
    const path = String(arrived.headers.location);
    const { body } = await browser.get(path);
    const left = await browser.post(path, { csrf: hiddenField(body, 'csrf'), action: 'cancel' });
    const back = await browser.get(String(left.headers.location));
    expect(answerOf(back)).toMatchObject({ error: 'access_denied', state: 'state-1' });
    expect(world.audit.last()).toMatchObject({ type: 'authorization.refused', reason: 'sign_in_abandoned' });
    const before = world.audit.records.length;
    expect(answerOf(await browser.get(desk(uri)))).toMatchObject({ error: 'access_denied' });
    expect(typesSince(before)).toEqual([]);
  });

  it('receives the login hint and the name of the client', async () => {
    const uri = await world.pushed('trading-desk', world.deskRequest({ login_hint: 'person:anna.keller' }));
    const arrived = await browser.get(desk(uri));
    const { body, headers } = await browser.get(String(arrived.headers.location));
    expect(body).toContain('trading-desk');
    expect(headers['content-security-policy']).toContain('https://desk.example');
  });

  async function interactionOf(uri: string): Promise<string> {
    const { interactionOf: derive } = await import('./interaction.ts');
    return derive(browser.cookies.get('__Host-countersign-interaction') ?? '', uri);
  }
});

describe('signed responses (JARM)', () => {
  const read = (response: string) => {
    const [key] = world.signer.idTokenKeys;
    return verifyAuthorizationResponse(response, {
      issuer: world.issuer,
      clientId: 'trading-desk',
      keyOf: (kid) => (kid === key?.kid ? importVerificationKey(key.jwk) : undefined),
      now: world.clock.now(),
    });
  };

  it.each(['jwt', 'query.jwt'])('are returned for response_mode=%s, both codes and errors', async (mode) => {
    const request = world.deskRequest({ response_mode: mode });
    const allowed = answerOf(await decide(await consentTo(await world.pushed('trading-desk', request))));
    expect(Object.keys(allowed)).toEqual(['response']);
    expect(read(allowed['response'] ?? '')).toEqual({ code: expect.stringMatching(/^[\w-]{43}$/), state: 'state-1' });
    const denied = answerOf(await decide(await consentTo(await world.pushed('trading-desk', request)), 'refuse'));
    expect(read(denied['response'] ?? '')).toMatchObject({ error: 'access_denied', state: 'state-1' });
  });

  it('are returned to a client registered for them, which may not request other modes', async () => {
    world.world.changeClient('trading-desk', { requireSignedResponse: true });
    const allowed = answerOf(await decide(await consentTo(await world.pushed())));
    expect(read(allowed['response'] ?? '')).toMatchObject({ code: expect.any(String) });
    expect(await world.push('trading-desk', world.deskRequest({ response_mode: 'query' }))).toMatchObject({
      reason: 'response_mode_unsigned',
    });
    world.world.changeClient('trading-desk', { requireSignedResponse: false });
  });
});

describe('the defence against mix-up', () => {
  it('includes the configured issuer in every response', async () => {
    const answers = [
      await decide(await consentTo(await world.pushed())),
      await decide(await consentTo(await world.pushed()), 'refuse'),
      await browser.get(dashboard({ response_type: 'token' })),
    ];
    for (const answer of answers) expect(answerOf(answer)['iss']).toBe(world.issuer);
  });
});

describe('the consent page', () => {
  it('shows the client, the person who decides, the exact terms and the expiry of the grant', async () => {
    const { body } = await consentTo(await world.pushed());
    for (const text of [
      'trading-desk',
      'person:anna.keller',
      'Place orders.',
      'Buy up to 100 of ISIN DE0007164600 on XETR',
      '15,000 EUR',
      venueOrders,
      '2026-11-23, 17:00 UTC',
      'Development',
    ])
      expect(body).toContain(text);
  });

  it('escapes the name of the client', async () => {
    const { name } = world.world.directory.snapshot().client('trading-desk') ?? { name: '' };
    world.world.changeClient('trading-desk', { name: '<script>alert(1)</script>\u202egnp.exe' });
    const { body } = await consentTo(await world.pushed());
    expect(body).not.toContain('<script>');
    expect(body).not.toContain('\u202e');
    expect(body).toContain('&lt;script&gt;');
    world.world.changeClient('trading-desk', { name });
  });
});

describe('Grant Management', () => {
  const manage = (change: Parameters) => world.pushed('trading-desk', world.deskRequest(change));

  it('is ignored if it is disabled', async () => {
    const page = await consentTo(
      await manage({ grant_management_action: 'merge', grant_id: 'grt_00000000000000000000000000' }),
    );
    expect(answerOf(await decide(page))).toMatchObject({ code: expect.any(String) });
  });

  it('merges only with a grant of the same client and person', async () => {
    const own = await createCodeFlowWorld({ grantManagement: true });
    const by = own.browser();
    const flow = async (change: Parameters) => {
      const uri = await own.pushed('trading-desk', own.deskRequest(change));
      const page = await own.toConsent(own.authorizeUrl('trading-desk', uri), by);
      return page.statusCode === 200
        ? answerOf(await by.post('/authorize/decision', own.consentForm(page.body)))
        : answerOf(page);
    };
    const first = await flow({ grant_management_action: 'create' });
    const { grant } = (await own.codes.find(first['code'] ?? '')) ?? {};
    if (grant === undefined) throw new Error('no grant');
    const second = await flow({
      grant_management_action: 'merge',
      grant_id: grant,
      scope: 'openid order:read',
      authorization_details: undefined,
    });
    expect(await own.codes.find(second['code'] ?? '')).toMatchObject({ grant, scopes: ['openid', 'order:read'] });
    expect(await own.grants.find(grant)).toMatchObject({ version: 2 });
    // A merged grant would extend the scopes shown for one interface to the other.
    const merged = { grant_management_action: 'merge', grant_id: grant, authorization_details: undefined };
    expect(await flow({ ...merged, scope: 'order:read', resource: brokerBook })).toMatchObject({
      error: 'invalid_target',
    });
    expect(await own.grants.find(grant)).toMatchObject({ version: 2, resources: [venueOrders] });
    const foreign = await own.grants.give({
      ...(await own.grants.find(grant).then((found) => {
        if (found === undefined) throw new Error('no grant');
        return found;
      })),
      subject: own.world.directory.snapshot().principal('person:carl.otto')?.id ?? ('' as never),
      expiresAt: toInstant(own.clock.now() + 60_000),
    });
    for (const id of [foreign.id, 'grt_00000000000000000000000000'])
      expect(await flow({ grant_management_action: 'replace', grant_id: id })).toMatchObject({
        error: 'invalid_grant_id',
      });
    await own.close();
  });
});

describe('expired interactions', () => {
  it('are removed', async () => {
    const own = await createCodeFlowWorld();
    await own.toConsent(own.authorizeUrl('trading-desk', await own.pushed()), own.browser());
    expect(await own.authorizationEndpoint.sweep()).toBe(0);
    own.clock.advance(901_000);
    expect(await own.authorizationEndpoint.sweep()).toBe(1);
    await own.close();
  });
});
