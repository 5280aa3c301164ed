import { html } from '@countersign/runtime';
import { hiddenField, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MethodAttempt, SignInMethod } from '../methods/method.ts';
import { anna, ben } from '../testing/people.ts';
import { begin, createSignInWorld, returnTo, type SignInNode, type SignInWorld } from '../testing/sign-in-world.ts';

describe('a method that sends the browser elsewhere', () => {
  let world: SignInWorld;
  let node: SignInNode;
  let browser: WebBrowser;
  let sent: MethodAttempt | undefined;

  /** Comes back to `/back/{handle}/{challenge}/{person}`, and believes it. */
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

  it('ends as every other one does: session, record, and back to where the browser came from', async () => {
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

  it('is over with the first arrival: the same one again begins nothing', async () => {
    const { back } = await depart();
    await browser.get(`${back}/nobody`);
    const again = await browser.get(`${back}/${anna.id}`);
    expect([again.statusCode, again.body]).toEqual([409, expect.stringContaining('challenge_unknown')]);
    expect(await current()).toBeUndefined();
  });

  it('does not arrive in another browser, nor in one without our cookie', async () => {
    const { back } = await depart();
    const other = node.browser();
    const stolen = await other.get(`${back}/${anna.id}`);
    expect([stolen.statusCode, stolen.body]).toEqual([403, expect.stringContaining('sign_in_forged')]);
    expect((await browser.get(`${back}/${anna.id}`)).statusCode).toBe(303);
  });

  it('does not arrive without having left, or with the challenge of another departure', async () => {
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

  it('shows the page again where the person was not let in, from which they may leave once more', async () => {
    const { back } = await depart();
    const refused = await browser.get(`${back}/nobody`);
    expect([refused.statusCode, refused.body]).toEqual([403, expect.stringContaining('person_unknown')]);
    expect(refused.body).toContain('name="csrf"');
  });

  it('is refused where somebody else vouches for a sign-in that is too old', async () => {
    const { back } = await depart({ need: { acrValues: [], notBefore: 1_795_251_001 } });
    const answer = await browser.get(`${back}/${anna.id}`);
    expect([answer.statusCode, answer.body]).toEqual([403, expect.stringContaining('sign_in_too_old')]);
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'session.refused', reason: 'sign_in_too_old' });
  });

  it('of twenty arrivals at once begins one session', async () => {
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
    const begun = answers.filter(({ cookies }) => cookies.some(({ name }) => name === 'countersign-session'));
    expect(begun).toHaveLength(1);
  });
});
