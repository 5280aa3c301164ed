import { developmentAcr } from '@countersign/contracts';
import { personOf, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anna, bank, ben, broker, chloe, larry, oms, retired } from './testing/people.ts';
import {
  begin,
  createSignInWorld,
  formOf,
  issuer,
  returnTo,
  type SignInNode,
  type SignInWorld,
  signIn,
} from './testing/sign-in-world.ts';

describe('signing in', () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: WebBrowser;
  const current = () => node.authentication.current(browser.cookieHeader());

  beforeAll(async () => {
    world = await createSignInWorld();
    node = world.node();
  });
  beforeEach(() => {
    browser = node.browser();
  });
  afterAll(() => world.close());

  it('lets the chosen person in and redirects to where they came from', async () => {
    const answer = await signIn(node, browser, anna);
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe(returnTo);
    expect(answer.headers['set-cookie']).toMatch(/^countersign-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    const signedIn = await current();
    expect(signedIn).toEqual({
      session: expect.stringMatching(/^ses_/),
      person: anna.id,
      acr: developmentAcr,
      amr: [],
      authTime: world.clock.now() / 1000,
      tier: 'research',
    });
    if (signedIn !== undefined) expect(await node.authentication.session(signedIn.session)).toEqual(signedIn);
  });

  it('records person, method and address, and no secrets', async () => {
    const before = world.audit.records.length;
    await signIn(node, browser, ben);
    const [record, ...others] = world.audit.records.slice(before);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      type: 'session.started',
      source: 'authentication',
      outcome: 'permit',
      subject: { id: ben.id, institution: broker },
      authentication: { method: 'development', acr: developmentAcr, amr: [], authTime: world.clock.now() / 1000 },
      address: '127.0.0.1',
      data: { session: (await current())?.session, goes_on: false, ends_at: '2026-11-21T21:00:00.000Z' },
    });
    for (const secret of browser.cookies.values()) expect(JSON.stringify(record)).not.toContain(secret);
  });

  it('stores neither handle nor cookie, only their hashes', async () => {
    const path = await begin(node);
    await browser.post(path, { ...(await formOf(browser, path)), person: anna.id });
    const { rows } = await world.database
      .pool('authentication')
      .query<{ text: string }>(
        'select sign_ins::text as text from sign_ins union all select sessions::text from sessions',
      );
    const stored = rows.map(({ text }) => text).join('\n');
    for (const secret of [path.slice('/sign-in/'.length), ...browser.cookies.values()]) {
      expect(stored).not.toContain(secret);
      expect(stored).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });

  it('answers with a page that other origins cannot frame, script or restyle, and that is not cached', async () => {
    const { headers, statusCode } = await browser.get(await begin(node));
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  it('lets the form redirect to the origin of the client’s redirect URI', async () => {
    const { headers } = await browser.get(
      await begin(node, { continuesTo: ['https://desk.example:8443/callback?x=; script-src *'] }),
    );
    expect(headers['content-security-policy']).toContain("form-action 'self' https://desk.example:8443; frame");
  });

  it('uses cookies under https that no other host can set, and sends HSTS', async () => {
    const secure = world.node({ issuer: 'https://id.example' });
    const visitor = secure.browser();
    const answer = await signIn(secure, visitor, anna);
    expect(answer.headers['set-cookie']).toMatch(
      /^__Host-countersign-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(await secure.authentication.current(visitor.cookieHeader())).toMatchObject({ person: anna.id });
    const value = visitor.cookies.get('__Host-countersign-session');
    expect(await secure.authentication.current(`countersign-session=${value}`)).toBeUndefined();
    const page = await visitor.get(await begin(secure));
    expect(page.headers['strict-transport-security']).toMatch(/max-age=\d{8}/);
    expect(page.headers['set-cookie']).toMatch(/^__Host-countersign-sign-in=.*Max-Age=600; .*Secure/);
  });

  it('lists people with institution, desk and roles, without those whose institution may not act', async () => {
    const { body } = await browser.get(await begin(node, { clientName: 'Desk <script>alert(1)</script>' }));
    for (const text of ['anna.keller', 'Example Broker AG', 'desk <bdi>rates', 'supervisor', 'chloe.martin'])
      expect(body).toContain(text);
    expect(body).toContain('Example Bank &amp; Söhne &lt;KG&gt;');
    expect(body).toContain('Desk &lt;script&gt;alert(1)&lt;/script&gt;');
    expect(body).not.toContain('<script');
    expect(body).not.toContain('larry.old');
    expect(body).not.toContain('service:oms');
  });

  it.each([
    ['an id', 'KELLER', ['anna.keller']],
    ['an institution', 'söhne', ['chloe.martin']],
    ['a desk', 'rates', ['anna.keller', 'ben.ito']],
    ['a role', 'supervis', ['ben.ito']],
    ['nothing', '"><b>', []],
  ])('filters the list by %s', async (_what, find, expected) => {
    const { body } = await browser.get(`${await begin(node)}?find=${encodeURIComponent(find)}`);
    expect([...body.matchAll(/name="person" id="[^"]*" value="person:([^"]*)"/g)].map(([, name]) => name)).toEqual(
      expected,
    );
    expect(body).not.toContain('"><b>');
  });

  it('shows a bounded part of a long list and says so', async () => {
    const names = Array.from({ length: 60 }, (_, index) => ({
      ...personOf(`zoe.${index}`, bank, 'trader'),
      desk: 'fx',
    }));
    for (const person of names) world.directory.add(person);
    const { body } = await browser.get(`${await begin(node)}?find=zoe`);
    expect(body.match(/type="radio"/g)).toHaveLength(50);
    expect(body).toContain('50 of 60 people');
    for (const person of names) world.directory.remove(person.id);
  });

  it('lists the expected person first and preselected', async () => {
    for (const loginHint of [ben.id, 'ben.ito']) {
      const { body } = await browser.get(await begin(node, { need: { acrValues: [], loginHint } }));
      expect(/value="(person:[^"]*)" required checked/.exec(body)?.[1]).toBe(ben.id);
      expect(body.indexOf('ben.ito')).toBeLessThan(body.indexOf('anna.keller'));
    }
  });

  it('redirects without a session when the person cancels, and ends the sign-in', async () => {
    const path = await begin(node);
    const form = await formOf(browser, path);
    const answer = await browser.post(path, { ...form, action: 'cancel', person: anna.id });
    expect([answer.statusCode, answer.headers.location]).toEqual([303, returnTo]);
    expect(await current()).toBeUndefined();
    const late = await browser.post(path, { ...form, person: anna.id });
    expect([late.statusCode, late.headers.location]).toEqual([303, returnTo]);
    expect(await current()).toBeUndefined();
  });

  it('starts one session for twenty forms sent at once to two nodes', async () => {
    const other = world.node();
    const path = await begin(node);
    const form = { ...(await formOf(browser, path)), person: anna.id };
    const before = await world.rows('sessions');
    const records = world.audit.ofType('session.started').length;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const each = (index % 2 === 0 ? node : other).browser();
        for (const [name, value] of browser.cookies) each.cookies.set(name, value);
        return each.post(path, form);
      }),
    );
    const withSession = answers.filter(({ cookies }) => cookies.some(({ name }) => name === 'countersign-session'));
    expect(withSession).toHaveLength(1);
    expect(await world.rows('sessions')).toBe(before + 1);
    expect(world.audit.ofType('session.started')).toHaveLength(records + 1);
    // Repeated clicks of one person redirect as the first did; those beyond the attempt limit do not.
    for (const { statusCode } of answers) expect([303, 429]).toContain(statusCode);
  });

  describe('refuses', () => {
    const expectPage = (answer: { statusCode: number; body: string }, status: number, code: string) => {
      expect(answer.body).toContain(`${code}`);
      expect(answer.statusCode).toBe(status);
      expect(answer.body).toMatch(/^<!doctype html>/);
    };
    const expectNoSession = async () => expect(await current()).toBeUndefined();

    it.each([`/sign-in/${'A'.repeat(43)}`, '/sign-in/short', '/sign-in/%00', `/sign-in/${'A'.repeat(43)}%0a`])(
      'a handle it never issued: %s',
      async (path) => {
        expectPage(await browser.get(path), 404, 'sign_in_unknown');
        expectPage(await browser.post(path, { csrf: 'x', person: anna.id }), 404, 'sign_in_unknown');
      },
    );

    it('a sign-in that took longer than ten minutes', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      world.clock.advance(600_000);
      expectPage(await browser.post(path, { ...form, person: anna.id }), 409, 'sign_in_expired');
      expectPage(await browser.get(path), 409, 'sign_in_expired');
      await expectNoSession();
    });

    it('to show or finish a sign-in that was opened in another browser', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      const thief = node.browser();
      expectPage(await thief.get(path), 403, 'sign_in_forged');
      expectPage(await thief.post(path, { ...form, person: anna.id }), 403, 'sign_in_forged');
      await thief.get(await begin(node));
      expectPage(await thief.post(path, { ...form, person: anna.id }), 403, 'sign_in_forged');
      expectPage(await thief.post(path, { ...form, action: 'cancel' }), 403, 'sign_in_forged');
      expect(thief.cookies.has('countersign-session')).toBe(false);
      expect((await browser.post(path, { ...form, person: anna.id })).statusCode).toBe(303);
    });

    it('a sign-in that no browser has opened', async () => {
      await browser.get(await begin(node));
      const path = await begin(node);
      expectPage(await browser.post(path, { csrf: 'A'.repeat(43), person: anna.id }), 403, 'sign_in_forged');
    });

    it('a form without our token, with a wrong one, or with that of another sign-in', async () => {
      const other = await formOf(browser, await begin(node));
      const path = await begin(node);
      const form = await formOf(browser, path);
      for (const csrf of [undefined, '', 'A'.repeat(43), `${form.csrf}A`, other.csrf, 'x'.repeat(10_000)])
        expectPage(await browser.post(path, { ...form, csrf, person: anna.id }), 403, 'sign_in_forged');
      await expectNoSession();
      expect((await browser.post(path, { ...form, person: anna.id })).statusCode).toBe(303);
    });

    it.each([
      ['another site', { 'sec-fetch-site': 'cross-site' }],
      ['another host of the same site', { 'sec-fetch-site': 'same-site' }],
      ['no page at all', { 'sec-fetch-site': 'none' }],
      ['another origin', { origin: 'https://evil.example' }],
      ['an origin that begins like ours', { origin: `${issuer}.evil.example`, 'sec-fetch-site': undefined }],
      ['nowhere, in an old browser', { origin: 'null', 'sec-fetch-site': undefined }],
      ['a browser that does not say', { origin: undefined, 'sec-fetch-site': undefined }],
    ])('a form that was sent from %s', async (_where, headers) => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      expectPage(await browser.post(path, { ...form, person: anna.id }, headers), 403, 'sign_in_forged');
      await expectNoSession();
    });

    it('a body that is not a single form', async () => {
      const path = await begin(node);
      const { csrf } = await formOf(browser, path);
      const cookie = browser.cookieHeader() ?? '';
      for (const payload of [
        `csrf=${csrf}&csrf=${csrf}&person=${anna.id}`,
        Array.from({ length: 65 }, (_, index) => `f${index}=1`).join('&'),
        `csrf=${csrf}&person=${'x'.repeat(20_000)}`,
      ]) {
        const answer = await node.app.inject({
          method: 'POST',
          url: path,
          headers: { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
          payload,
        });
        expectPage(answer, 400, 'form_malformed');
      }
    });

    it.each([
      ['no person chosen', undefined],
      ['an unknown person', 'person:nobody'],
      ['a service', oms.id],
      ['no id', 'person:anna.keller\0'],
      ['a prototype', '__proto__'],
    ])('%s, and lets the person choose again', async (_who, person) => {
      const records = world.audit.records.length;
      const path = await begin(node);
      const form = await formOf(browser, path);
      expectPage(await browser.post(path, { ...form, person }), 403, 'person_unknown');
      await expectNoSession();
      expect(world.audit.records).toHaveLength(records);
      expect((await browser.post(path, { ...form, person: chloe.id })).statusCode).toBe(303);
    });

    it('with a page that keeps the filter, the expected person and the choice of another person', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      const again = await browser.post(path, { ...form, find: 'keller', person: 'person:nobody', other: '1' });
      expectPage(again, 403, 'person_unknown');
      expect(again.body).toContain('name="find" value="keller"');
      expect(again.body).toContain('<input type="hidden" name="other" value="1">');
      expect(again.body).toContain('role="alert" tabindex="-1" autofocus');
    });

    it('a person whose institution may not act, and records it', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      expectPage(await browser.post(path, { ...form, person: larry.id }), 403, 'institution_not_issued');
      await expectNoSession();
      expect(world.audit.records.at(-1)).toMatchObject({
        type: 'session.refused',
        outcome: 'deny',
        reason: 'institution_not_issued',
        subject: { id: larry.id, institution: retired },
        authentication: { method: 'development' },
      });
    });

    it('an eleventh attempt, even a correct one', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      for (let attempt = 0; attempt < 10; attempt++)
        expectPage(await browser.post(path, { ...form, person: 'person:nobody' }), 403, 'person_unknown');
      expectPage(await browser.post(path, { ...form, person: anna.id }), 429, 'sign_in_attempts_spent');
      await expectNoSession();
    });

    it('everybody while the log cannot be written, and leaves no partial sign-in', async () => {
      const path = await begin(node);
      const before = await world.rows('sessions');
      // Every attempt uses up its page, whatever the outcome.
      const attempt = async ({ id }: { readonly id: string }) =>
        browser.post(path, { ...(await formOf(browser, path)), person: id });
      world.audit.breakDown('writing');
      try {
        expectPage(await attempt(anna), 503, 'log_unavailable');
        expectPage(await attempt(larry), 503, 'log_unavailable');
      } finally {
        world.audit.repair();
      }
      await expectNoSession();
      expect(await world.rows('sessions')).toBe(before);
      expect((await attempt(anna)).statusCode).toBe(303);
      expect(await current()).toMatchObject({ person: anna.id });
    });

    it('everybody if no method is configured, in plain words', async () => {
      const bare = world.node({ environment: 'production', issuer: 'https://id.example', methods: [] });
      const visitor = bare.browser();
      const path = await begin(bare);
      const page = await visitor.get(path);
      expectPage(page, 403, 'method_not_available');
      expect(page.body).toContain('No sign-in method is configured');
      expect(page.body).not.toContain('anna.keller');
      const form = await formOf(visitor, path);
      expectPage(
        await visitor.post(path, { ...form, method: 'development', person: anna.id }),
        403,
        'method_not_available',
      );
      expect(await bare.authentication.current(visitor.cookieHeader())).toBeUndefined();
      expect((await visitor.post(path, { ...form, action: 'cancel' })).headers.location).toBe(returnTo);
    });

    it.each(['urn:example:hardware', '', 'x'.repeat(100_000), `${developmentAcr}\0`])(
      'to sign in below the requested class',
      async (acr) => {
        const path = await begin(node, { need: { acrValues: [acr] } });
        const page = await browser.get(path);
        expectPage(page, 403, 'method_not_available');
        expect(page.body).not.toContain('anna.keller');
        const form = { ...(await formOf(browser, path)), method: 'development', person: anna.id };
        expectPage(await browser.post(path, form), 403, 'method_not_available');
        await expectNoSession();
      },
    );

    it('a method that does not exist', async () => {
      const path = await begin(node);
      const form = await formOf(browser, path);
      for (const method of [undefined, 'password', 'constructor'])
        expectPage(await browser.post(path, { ...form, method, person: anna.id }), 403, 'method_not_available');
    });
  });

  it('signs in if one of several requested classes is supported, whatever else the request holds', async () => {
    const path = await begin(node, {
      need: { acrValues: ['urn:example:hardware', developmentAcr], loginHint: '\0\ud800<b>'.repeat(500), notBefore: 1 },
      clientName: 'Desk\0 \u202eksed',
    });
    const form = await formOf(browser, path);
    expect((await browser.post(path, { ...form, person: anna.id })).statusCode).toBe(303);
  });
});

describe('the development method', () => {
  it('does not start outside development', async () => {
    const world = await createSignInWorld();
    expect(() => world.node({ environment: 'production', issuer: 'https://id.example' })).toThrow(
      expect.objectContaining({ code: 'configuration_unsafe' }),
    );
    await world.close();
  });
});
