import { hiddenField, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anna, ben } from './testing/people.ts';
import { createSignInWorld, type SignInNode, type SignInWorld, signIn } from './testing/sign-in-world.ts';

describe('signing out', () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: WebBrowser;
  const current = () => node.authentication.current(browser.cookieHeader());
  const csrfOf = async (who: WebBrowser) => hiddenField((await who.get('/sign-out')).body, 'csrf');

  beforeAll(async () => {
    world = await createSignInWorld();
    node = world.node();
  });
  beforeEach(async () => {
    browser = node.browser();
    await signIn(node, browser, anna);
  });
  afterAll(() => world.close());

  it('asks first, then ends the session with a record and deletes the cookie', async () => {
    const before = await current();
    const page = await browser.get('/sign-out');
    expect(page.body).toContain(anna.id);
    expect(await current()).toEqual(before);
    const kept = browser.cookieHeader();
    const answer = await browser.post('/sign-out', { csrf: hiddenField(page.body, 'csrf') });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('You are signed out');
    expect(answer.headers['set-cookie']).toMatch(/^countersign-session=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await node.authentication.current(kept)).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.ended',
      data: { session: before?.session, reason: 'person_signed_out' },
    });
  });

  it('is refused for a form of another site, without our token, or with that of another session', async () => {
    const other = node.browser();
    await signIn(node, other, anna);
    const csrf = await csrfOf(browser);
    for (const [fields, headers] of [
      [{ csrf }, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
      [{}, {}],
      [{ csrf: 'A'.repeat(43) }, {}],
      [{ csrf: await csrfOf(other) }, {}],
    ] as const) {
      const answer = await browser.post('/sign-out', fields, headers);
      expect(answer.statusCode).toBe(403);
      expect(answer.body).toContain('sign_in_forged');
    }
    expect(await current()).toMatchObject({ person: anna.id });
  });

  it('happens everywhere at once for a person who leaves, and for nobody else', async () => {
    const [other, colleague] = [node.browser(), node.browser()];
    await signIn(node, other, anna);
    await signIn(node, colleague, ben);
    const first = world.audit.records.length;
    expect(await node.authentication.endAllOf(anna.id, 'principal_left')).toBeGreaterThanOrEqual(2);
    expect(await node.authentication.endAllOf(anna.id, 'principal_left')).toBe(0);
    for (const browserOfAnna of [browser, other])
      expect(await node.authentication.current(browserOfAnna.cookieHeader())).toBeUndefined();
    expect(await node.authentication.current(colleague.cookieHeader())).toMatchObject({ person: ben.id });
    const ended = world.audit.records.slice(first).filter(({ type }) => type === 'session.ended');
    expect(ended.every(({ subject }) => subject?.id === anna.id)).toBe(true);
    expect(ended.length).toBeGreaterThanOrEqual(2);
  });

  it('reports that nobody is signed in', async () => {
    const stranger = node.browser();
    expect((await stranger.get('/sign-out')).body).toContain('You are signed out');
    expect((await stranger.post('/sign-out', {})).body).toContain('You are signed out');
  });

  it('does not report success while the log cannot be written', async () => {
    const csrf = await csrfOf(browser);
    world.audit.breakDown('writing');
    const answer = await browser.post('/sign-out', { csrf });
    world.audit.repair();
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toContain('log_unavailable');
    expect(await current()).toMatchObject({ person: anna.id });
  });
});
