import { parsePrincipalId } from '@countersign/contracts';
import { digestOfIntent, parseAuthorizationDetails } from '@countersign/market';
import type { WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyHolders, showKey } from '../../../authentication/src/testing/key-holders.ts';
import { type CodeFlowWorld, createCodeFlowWorld } from '../testing/code-flow-world.ts';
import { answerOf } from '../testing/page-answers.ts';

/** RFC 9470: a protected interface requires a stronger or newer sign-in for an intent, and its client requests it. */
describe('a step-up for an intent', () => {
  let world: CodeFlowWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let key: SoftwareAuthenticator;
  let browser: WebBrowser;
  const stepUp = { acr_values: 'phrh', max_age: '300' };

  beforeAll(async () => {
    holders = await createKeyHolders();
    world = await createCodeFlowWorld({ keyRootsFile: holders.rootsFile });
    const anna = parsePrincipalId('person:anna.keller');
    if (anna === undefined) throw new Error('a fixture that its own parser refuses');
    key = await holders.keyOf({ authentication: world.signInRoom }, { id: anna });
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });
  beforeEach(() => {
    browser = world.browser();
  });

  function digestOfOrder(order: object): string {
    const parsed = parseAuthorizationDetails([order], { maxItems: 1 });
    const [detail] = parsed.ok ? parsed.value : [];
    if (detail === undefined) throw new Error('a fixture that its own parser refuses');
    return digestOfIntent(detail);
  }
  const arrive = async (change: Readonly<Record<string, string>> = {}) =>
    browser.get(world.authorizeUrl('trading-desk', await world.pushed('trading-desk', world.deskRequest(change))));
  /** Continues to the consent page, using the authenticator if a sign-in is required. */
  async function through(change: Readonly<Record<string, string>> = {}) {
    const arrived = await arrive(change);
    const location = String(arrived.headers.location);
    if (!location.startsWith('/sign-in/')) return { page: arrived, asked: false };
    const { answer } = await showKey(browser, location, key);
    return { page: await browser.get(String(answer.headers.location)), asked: true };
  }
  async function codeOf(page: { readonly body: string }) {
    const { code = '' } = answerOf(await browser.post('/authorize/decision', world.consentForm(page.body)));
    return world.codes.find(code);
  }

  it('is an assertion over the intent by the person already signed in, and is stored with the code', async () => {
    await through();
    world.clock.advance(3_600_000 - 3_000_000);
    const arrived = await arrive(stepUp);
    const location = String(arrived.headers.location);
    expect(location).toMatch(/^\/sign-in\//);
    const digest = digestOfOrder(world.order());
    expect((await browser.get(location)).body).toContain(digest);
    const { answer } = await showKey(browser, location, key);
    const page = await browser.get(String(answer.headers.location));
    expect(page.statusCode).toBe(200);
    expect(await codeOf(page)).toMatchObject({ acr: 'phrh', boundTo: [digest], authTime: world.seconds() });
    expect(world.audit.records.filter(({ type }) => type === 'session.stepped-up').at(-1)).toMatchObject({
      data: { intents: [digest], asked_for: 'acr_demanded' },
    });
  });

  it('does not count for another intent, however recent it is', async () => {
    await through();
    const { page } = await through(stepUp);
    await codeOf(page);
    const other = { authorization_details: JSON.stringify([world.order({ max_qty: '101' })]) };
    expect((await through({ ...stepUp, ...other })).asked).toBe(true);
    // The same assertion serves while it is new enough.
    const same = await through(stepUp);
    expect(same.asked).toBe(false);
  });

  it('raises nothing else: a code that requires no step-up has the class of the session and no bound assertion', async () => {
    await through();
    const { page } = await through(stepUp);
    await codeOf(page);
    const signedInAt = world.seconds();
    world.clock.advance(60_000);
    const plain = await through({ authorization_details: JSON.stringify([world.order({ max_qty: '102' })]) });
    expect(plain.asked).toBe(false);
    expect(await codeOf(plain.page)).toMatchObject({ boundTo: [], authTime: signedInAt });
  });

  it('expires once it is older than the client allows', async () => {
    await through();
    await through(stepUp);
    world.clock.advance(299_000);
    expect((await through({ ...stepUp, max_age: '120' })).asked).toBe(true);
  });

  it('returns unmet_authentication_requirements if the person cannot reach the required class', async () => {
    const development = await world.toConsent(
      world.authorizeUrl('trading-desk', await world.pushed('trading-desk', world.deskRequest())),
      browser,
    );
    expect(development.statusCode).toBe(200);
    const uri = await world.pushed('trading-desk', world.deskRequest({ acr_values: 'urn:example:iris' }));
    const arrived = await browser.get(world.authorizeUrl('trading-desk', uri));
    const page = await browser.get(String(arrived.headers.location));
    expect(page.body).toContain('method_not_available');
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1];
    const back = await browser.post(String(arrived.headers.location), { csrf, action: 'cancel' });
    const answer = await browser.get(String(back.headers.location));
    expect(answerOf(answer)).toMatchObject({ error: 'unmet_authentication_requirements' });
  });

  it('uses the session that its scopes need and no other', async () => {
    const { page } = await through(stepUp);
    expect(page.statusCode).toBe(200);
    const signIns = await world.authentication.inBrowser(
      [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    );
    expect(signIns.map(({ tier }) => tier)).toEqual(['order-entry']);
  });
});
