import { html } from '@countersign/runtime';
import { hiddenField, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MethodAttempt, SignInMethod } from '../methods/method.ts';
import { anna, ben } from '../testing/people.ts';
import { begin, createSignInWorld, returnTo, type SignInNode, type SignInWorld } from '../testing/sign-in-world.ts';

describe('a method that redirects the browser to another page', () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: WebBrowser;
  let sent: MethodAttempt | undefined;

  /** Returns to `/back/{handle}/{challenge}/{person}`, and trusts it. */
  const elsewhere: SignInMethod = {
    name: 'federated',
    acrs: ['phr'],
    formAction: ['https://idp.example'],
    draw: ({ action, hidden }) => html`<form method="post" action="${action}">${hidden}<button>Go</button></form>`,
    async attempt(attempt) {
      sent = attempt;
      return { outcome: 'redirect', location: 'https://idp.example/authorize' };
    },
    routes(app, answers) {
      app.get(
        '/back/:handle/:challenge/:person',
        answers.onPage((request, reply) => {
          const { handle, challenge, person } = request.params as Record<string, string>;
          const known = [anna, ben].find(({ id }) => id === person);
          const vouched = { issuer: 'https://idp.example', authTime: 1_795_251_000 };
          return answers.arrive(request, reply, {
            ...{ handle: handle ?? '', challenge: challenge ?? '', method: elsewhere },
            outcome:
              known === undefined
                ? { outcome: 'refused', code: 'person_unknown', detail: 'Nobody of that name.' }
                : { outcome: 'identified', person: known.id, acr: 'phr', amr: ['user'], ...vouched },
          });
        }),
      );
    },
  };

  beforeAll(async () => {
    world = await createSignInWorld();
    node = world.node({ methods: ['federated'] }, world.directory, { federated: elsewhere });
  });
  beforeEach(() => {
    browser = node.browser();
  });
  afterAll(() => world.close());

  async function depart(need: Parameters<typeof begin>[1] = {}) {
    const path = await begin(node, need);
    const { body, headers } = await browser.get(path);
    const answer = await browser.post(path, { csrf: hiddenField(body, 'csrf'), method: 'federated' });
    if (sent === undefined) throw new Error('the method was not asked');
    return { path, answer, headers, back: `/back/${sent.handle}/${sent.challenge}` };
  }
  const current = () => node.authentication.current(browser.cookieHeader());

  it('ends like every other method: session, record, and back to where the browser came from', async () => {
    const { answer, headers, back } = await depart();
    expect([answer.statusCode, answer.headers.location]).toEqual([303, 'https://idp.example/authorize']);
    expect(headers['content-security-policy']).toContain("form-action 'self' https://idp.example;");
    expect(await current()).toBeUndefined();
    const arrived = await browser.get(`${back}/${anna.id}`);
    expect([arrived.statusCode, arrived.headers.location]).toEqual([303, returnTo]);
    expect(await current()).toMatchObject({
      ...{ person: anna.id, acr: 'phr', issuer: 'https://idp.example', authTime: 1_795_251_000 },
    });
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.started',
      authentication: { method: 'federated', issuer: 'https://idp.example', authTime: 1_795_251_000 },
    });
  });

  it('ends with the first return: repeating it starts nothing', async () => {
    const { back } = await depart();
    await browser.get(`${back}/nobody`);
    const again = await browser.get(`${back}/${anna.id}`);
    expect([again.statusCode, again.body]).toEqual([409, expect.stringContaining('challenge_unknown')]);
    expect(await current()).toBeUndefined();
  });

  it('is refused in another browser or without our cookie', async () => {
    const { back } = await depart();
    const other = node.browser();
    const stolen = await other.get(`${back}/${anna.id}`);
    expect([stolen.statusCode, stolen.body]).toEqual([403, expect.stringContaining('sign_in_forged')]);
    expect((await browser.get(`${back}/${anna.id}`)).statusCode).toBe(303);
  });

  it('is refused if it did not leave, or with the challenge of another redirect', async () => {
    const path = await begin(node);
    await browser.get(path);
    const handle = path.slice('/sign-in/'.length);
    const made = await browser.get(`/back/${handle}/${'A'.repeat(43)}/${anna.id}`);
    expect([made.statusCode, made.body]).toEqual([409, expect.stringContaining('challenge_unknown')]);
    const first = await depart();
    const second = await depart();
    const mixed = `/back/${first.back.split('/')[2]}/${second.back.split('/')[3]}`;
    expect((await browser.get(`${mixed}/${anna.id}`)).statusCode).toBe(409);
    expect(await current()).toBeUndefined();
  });

  it('shows the page again after a refusal, from which the person may leave once more', async () => {
    const { back } = await depart();
    const refused = await browser.get(`${back}/nobody`);
    expect([refused.statusCode, refused.body]).toEqual([403, expect.stringContaining('person_unknown')]);
    expect(refused.body).toContain('name="csrf"');
  });

  it('is refused if a partner vouches for a sign-in that is too old', async () => {
    const { back } = await depart({ need: { acrValues: [], notBefore: 1_795_251_001 } });
    const answer = await browser.get(`${back}/${anna.id}`);
    expect([answer.statusCode, answer.body]).toEqual([403, expect.stringContaining('sign_in_too_old')]);
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'session.refused', reason: 'sign_in_too_old' });
  });

  it('starts one session for twenty simultaneous returns', async () => {
    const { back } = await depart();
    const before = await world.rows('sessions');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => {
        const each = node.browser();
        for (const [name, value] of browser.cookies) each.cookies.set(name, value);
        return each.get(`${back}/${anna.id}`);
      }),
    );
    expect(await world.rows('sessions')).toBe(before + 1);
    const started = answers.filter(({ cookies }) => cookies.some(({ name }) => name === 'countersign-session'));
    expect(started).toHaveLength(1);
  });
});
