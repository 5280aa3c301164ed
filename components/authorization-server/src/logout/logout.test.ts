import { importVerificationKey, verifyLogoutToken } from '@countersign/oauth';
import { hiddenField, makeKey, type SigningKey, signJws, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CodeFlowWorld, codeChallenge, createCodeFlowWorld, type Parameters } from '../testing/code-flow-world.ts';
import { answerOf, pageCode } from '../testing/page-answers.ts';
import { dashboardRedirect } from '../testing/trading-world.ts';

const back = 'https://dashboard.example/goodbye';
let world: CodeFlowWorld;
let status = 200;
let sent: { readonly url: string; readonly body: string }[] = [];
beforeAll(async () => {
  world = await createCodeFlowWorld({
    post: async (url, { body }) => {
      sent.push({ url, body });
      return { status };
    },
  });
  world.world.changeClient('dashboard', {
    postLogoutRedirectUris: [back],
    backchannelLogoutUri: 'https://dashboard.example/backchannel',
  });
});
afterAll(() => world.close());

let browser: WebBrowser;
beforeEach(async () => {
  // Send the deliveries that earlier tests left behind.
  await world.backchannelLogout.run();
  browser = world.browser();
  sent = [];
  status = 200;
});

const cookieOf = ({ cookies }: WebBrowser) => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
const signedIn = (by: WebBrowser = browser) => world.authentication.current(cookieOf(by));

/** Signs in at a relying party, and returns the session. */
async function signIn(clientId = 'dashboard', redirect = dashboardRedirect, by: WebBrowser = browser) {
  const url = `/authorize?${world.form({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid',
    prompt: 'consent',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
  })}`;
  const page = await world.toConsent(url, by);
  answerOf(await by.post('/authorize/decision', world.consentForm(page.body)));
  const { session } = (await signedIn(by)) ?? {};
  if (session === undefined) throw new Error('nobody is signed in');
  return session;
}

/** An ID token as the token endpoint makes it. */
function idToken(change: object = {}, key: SigningKey | undefined = world.signer.idTokenKeys[0]): string {
  if (key === undefined) throw new Error('no key');
  const claims = {
    iss: world.issuer,
    sub: 'person:anna.keller',
    aud: 'dashboard',
    iat: world.seconds(),
    exp: world.seconds() + 300,
    auth_time: world.seconds(),
    ...change,
  };
  return signJws(key, { alg: 'ES256', kid: key.kid }, claims);
}
const logout = (parameters: Parameters = {}, by: WebBrowser = browser) => by.get(`/logout?${world.form(parameters)}`);
const withHint = (session: string, change: Parameters = {}) => ({
  id_token_hint: idToken({ sid: session }),
  post_logout_redirect_uri: back,
  state: 'bye',
  ...change,
});
const answerForm = (body: string, decision = 'end', by: WebBrowser = browser) =>
  by.post('/logout/decision', {
    csrf: hiddenField(body, 'csrf'),
    client_id: hiddenField(body, 'client_id'),
    post_logout_redirect_uri: hiddenField(body, 'post_logout_redirect_uri'),
    state: hiddenField(body, 'state'),
    decision,
  });

describe('logout by a relying party', () => {
  it('ends the session named by the hint immediately and redirects with the state', async () => {
    const session = await signIn();
    const answer = await logout(withHint(session));
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe(`${back}?state=bye`);
    expect(await signedIn()).toBeUndefined();
    expect(world.audit.records.some(({ type }) => type === 'session.ended')).toBe(true);
  });

  it('accepts an expired hint', async () => {
    const session = await signIn();
    const hint = idToken({ sid: session, iat: world.seconds() - 900, exp: world.seconds() - 600 });
    expect((await logout(withHint(session, { id_token_hint: hint }))).headers.location).toBe(`${back}?state=bye`);
  });

  it('is also accepted by POST from the client’s site', async () => {
    const session = await signIn();
    const posted = await browser.post('/logout', withHint(session), { 'sec-fetch-site': 'cross-site' });
    expect(posted.statusCode).toBe(303);
    expect((await browser.get(String(posted.headers.location))).headers.location).toBe(`${back}?state=bye`);
    expect(await signedIn()).toBeUndefined();
  });

  it.each([
    ['without a hint', () => ({ client_id: 'dashboard', post_logout_redirect_uri: back })],
    ['with a hint of another session', () => withHint('ses_00000000000000000000000000')],
    ['with a hint that names no session', () => ({ id_token_hint: idToken(), post_logout_redirect_uri: back })],
    ['with nothing', () => ({})],
  ])('asks for confirmation when it comes %s, and ends nothing by itself', async (_, parameters) => {
    await signIn();
    const page = await logout(parameters());
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('person:anna.keller');
    expect(await signedIn()).toBeDefined();
    const kept = await answerForm(page.body, 'keep');
    expect([kept.statusCode, (await signedIn()) !== undefined]).toEqual([200, true]);
    expect(kept.body).toContain('<a href="/me">');
    const ended = await answerForm((await logout(parameters())).body);
    expect(await signedIn()).toBeUndefined();
    if ('post_logout_redirect_uri' in parameters()) expect(String(ended.headers.location).startsWith(back)).toBe(true);
    else expect(ended.statusCode).toBe(200);
  });

  it('works if the key of the hint is gone: the person confirms and is then redirected', async () => {
    const session = await signIn();
    const page = await logout(withHint(session, { id_token_hint: idToken({ sid: session }, makeKey()) }));
    expect(page.statusCode).toBe(200);
    expect(await signedIn()).toBeDefined();
    expect((await answerForm(page.body)).headers.location).toBe(`${back}?state=bye`);
    expect(await signedIn()).toBeUndefined();
  });

  it('redirects if nobody is signed in any more', async () => {
    expect((await logout(withHint('ses_00000000000000000000000000'))).headers.location).toBe(`${back}?state=bye`);
    expect((await logout()).statusCode).toBe(200);
  });

  it.each([
    [
      'that was not registered',
      { post_logout_redirect_uri: 'https://evil.example/' },
      'post_logout_redirect_uri_unregistered',
    ],
    ['with a slash more', { post_logout_redirect_uri: `${back}/` }, 'post_logout_redirect_uri_unregistered'],
    ['in another case', { post_logout_redirect_uri: back.toUpperCase() }, 'post_logout_redirect_uri_unregistered'],
    ['with a query', { post_logout_redirect_uri: `${back}?x=1` }, 'post_logout_redirect_uri_unregistered'],
    ['of the code flow', { post_logout_redirect_uri: dashboardRedirect }, 'post_logout_redirect_uri_unregistered'],
    ['without a hint', { id_token_hint: undefined }, 'client_id_missing'],
    ['of another client than the hint', { client_id: 'trading-desk' }, 'client_id_differs'],
    ['of a client that is not known', { id_token_hint: undefined, client_id: 'nobody' }, 'client_unknown'],
    ['with a state too long', { state: 's'.repeat(513) }, 'parameter_malformed'],
  ])('shows an error page with an address %s, and ends nothing', async (_, change, code) => {
    const session = await signIn();
    const page = await logout(withHint(session, change));
    expect([page.statusCode, pageCode(page.body), page.headers.location]).toEqual([400, code, undefined]);
    expect(await signedIn()).toBeDefined();
  });

  it.each([
    ['of another issuer', () => idToken({ iss: 'https://other.example' })],
    ['with a signature changed', () => `${idToken().slice(0, -4)}AAAA`],
    [
      'that is an access token',
      () => {
        const [key] = world.signer.idTokenKeys;
        return key === undefined
          ? ''
          : signJws(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, { iss: world.issuer });
      },
    ],
    ['that is nothing', () => 'x'],
    ['that is too long', () => 'x'.repeat(20_000)],
  ])('refuses a hint %s', async (_, hint) => {
    await signIn();
    const page = await logout({ id_token_hint: hint(), post_logout_redirect_uri: back });
    expect([400, 413, 431]).toContain(page.statusCode);
    expect(page.headers.location).toBeUndefined();
    expect(await signedIn()).toBeDefined();
  });

  it('refuses a form sent by another site', async () => {
    await signIn();
    const { body } = await logout();
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': undefined, origin: undefined }]) {
      const answer = await browser.post(
        '/logout/decision',
        { csrf: hiddenField(body, 'csrf'), decision: 'end' },
        headers,
      );
      expect([answer.statusCode, pageCode(answer.body)]).toEqual([403, 'csrf_token_invalid']);
    }
    const forged = await browser.post('/logout/decision', { csrf: 'a'.repeat(43), decision: 'end' });
    expect([forged.statusCode, pageCode(forged.body)]).toEqual([403, 'csrf_token_invalid']);
    expect(await signedIn()).toBeDefined();
  });
});

describe('back-channel logout', () => {
  const read = (body: string, clientId = 'dashboard') => {
    const [key] = world.signer.idTokenKeys;
    return verifyLogoutToken(new URLSearchParams(body).get('logout_token') ?? '', {
      issuer: world.issuer,
      clientId,
      keyOf: (kid) => (kid === key?.kid ? importVerificationKey(key.jwk) : undefined),
      now: world.clock.now(),
    });
  };
  const notified = () => world.audit.records.filter(({ type }) => type === 'session.logout-notified');

  it('notifies every client of the session and records it', async () => {
    const session = await signIn();
    await world.authentication.end(session, 'test');
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.url).toBe('https://dashboard.example/backchannel');
    expect(read(sent[0]?.body ?? '').ended).toEqual({ sid: session, sub: 'person:anna.keller' });
    expect(notified().at(-1)).toMatchObject({
      outcome: 'done',
      client: 'dashboard',
      subject: { id: 'person:anna.keller' },
      data: { session, attempts: 1, status: 200 },
    });
  });

  it('does not notify a client that was not part of the session or did not register for it', async () => {
    const session = await signIn();
    const other = world.browser();
    await signIn('dashboard', dashboardRedirect, other);
    await world.authentication.end(session, 'test');
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(1);
    expect(await signedIn(other)).toBeDefined();
    world.world.changeClient('trading-desk', { backchannelLogoutUri: 'https://desk.example/backchannel' });
    const third = world.browser();
    const uri = await world.pushed('trading-desk', world.deskRequest({ scope: 'order:create' }));
    const page = await world.toConsent(world.authorizeUrl('trading-desk', uri), third);
    await third.post('/authorize/decision', world.consentForm(page.body));
    await world.authentication.end((await signedIn(third))?.session ?? session, 'test');
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(1);
  });

  it('notifies once, however many nodes see that the session has ended', async () => {
    const nodes = [world, world.node()];
    const session = await signIn();
    await world.authentication.end(session, 'test');
    await Promise.all(
      nodes.flatMap(({ backchannelLogout }) => [backchannelLogout.run(), backchannelLogout.sessionEnded(session)]),
    );
    for (const { backchannelLogout } of nodes) await backchannelLogout.run();
    expect(sent).toHaveLength(1);
  });

  it('tries five times at growing intervals and then records the failure', async () => {
    const session = await signIn();
    status = 503;
    await world.authentication.end(session, 'test');
    const before = notified().length;
    for (const [attempt, seconds] of [0, 10, 30, 120, 600].entries()) {
      if (seconds > 0) {
        world.clock.advance(seconds * 1000 - 1);
        await world.backchannelLogout.run();
        expect(sent).toHaveLength(attempt);
        world.clock.advance(1);
      }
      await world.backchannelLogout.run();
      expect(sent).toHaveLength(attempt + 1);
    }
    expect(notified().length - before).toBe(1);
    expect(notified().at(-1)).toMatchObject({
      outcome: 'deny',
      reason: 'logout_unreachable',
      data: { session, attempts: 5, status: 503 },
    });
    world.clock.advance(3_600_000);
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(5);
  });

  it('does not retry after a refusal', async () => {
    const session = await signIn();
    status = 400;
    await world.authentication.end(session, 'test');
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(1);
    expect(notified().at(-1)).toMatchObject({ outcome: 'deny', reason: 'logout_refused', data: { session } });
  });

  it('signs with the current key, also after a rotation in between', async () => {
    const session = await signIn();
    status = 503;
    await world.authentication.end(session, 'test');
    await world.backchannelLogout.run();
    const [first] = world.signer.idTokenKeys;
    await world.signer.withdraw('id-token', first?.kid ?? '');
    status = 200;
    world.clock.advance(10_000);
    await world.backchannelLogout.run();
    expect(sent).toHaveLength(2);
    expect(read(sent[1]?.body ?? '').ended).toEqual({ sid: session, sub: 'person:anna.keller' });
  });

  it('is repeated if its record cannot be written', async () => {
    const session = await signIn();
    await world.authentication.end(session, 'test');
    world.audit.breakDown('writing');
    await expect(world.backchannelLogout.run()).rejects.toMatchObject({ code: 'log_unavailable' });
    world.audit.repair();
    world.clock.advance(30_000);
    await world.backchannelLogout.run();
    expect(notified().at(-1)).toMatchObject({ outcome: 'done', data: { session, attempts: 2 } });
  });
});

describe('stored logout sessions', () => {
  it('are removed long after they have ended', async () => {
    await signIn();
    world.clock.advance(2 * 24 * 60 * 60_000 - 1_000);
    await world.sessionClients.sweep();
    world.clock.advance(2_000);
    expect(await world.sessionClients.sweep()).toBe(1);
  });
});
