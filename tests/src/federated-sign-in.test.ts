import { generateKeyPairSync, sign } from 'node:crypto';
import { createFederatedMethod, federatedCallbackPath } from '@countersign/authentication';
import type { RecordDraft, Signer, TrustProfile } from '@countersign/contracts';
import { createOutbound, createPartnerKeys, createPartnerSignIns } from '@countersign/federation-gateway';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { testRowSeal, type WebBrowser } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anna, broker } from '../../components/authentication/src/testing/people.ts';
import {
  begin,
  createSignInWorld,
  formOf,
  issuer as origin,
  returnTo,
  type SignInNode,
  type SignInWorld,
} from '../../components/authentication/src/testing/sign-in-world.ts';
import { type OpenIdProvider, startOpenIdProvider } from './testing/openid-provider.ts';

// People sign in to our pages at their own firm: through an independent identity provider.

const logger = createLogger({ level: 'silent', name: 'test' });
const strong = 'urn:partner:hardware';
const weak = 'urn:partner:password';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ours = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'ours', alg: 'ES256', use: 'sig' };

/** Signs as the key ring does. */
const signer: Pick<Signer, 'current' | 'sign'> = {
  current: async (purpose) => ({ kid: 'ours', algorithm: 'ES256', purpose, state: 'active', jwk: {} }),
  sign: async (_purpose, kid, data) => ({
    kid,
    algorithm: 'ES256',
    signature: sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
  }),
};

let provider: OpenIdProvider;
let other: OpenIdProvider;
let world: SignInWorld;
let node: SignInNode;
let profiles: Map<string, TrustProfile>;

beforeAll(async () => {
  const client = { id: 'countersign', redirectUri: `${origin}${federatedCallbackPath}`, acrValues: [strong, weak] };
  [provider, other] = await Promise.all([
    startOpenIdProvider({ ...client, jwk: ours }),
    startOpenIdProvider({ ...client, jwk: ours }),
  ]);
  world = await createSignInWorld();
  profiles = new Map();
  const outbound = createOutbound({ environment: 'development', logger });
  const from = { outbound, audit: world.audit, clock: world.clock, random: systemRandom };
  const partners = createPartnerSignIns({
    trustRegistry: { profileOf: async (issuer) => profiles.get(issuer) },
    directory: world.directory,
    ...from,
    signer,
    partnerKeys: createPartnerKeys({ ...from, logger, times: { pauseMs: 0 } }),
    metadataTimes: { pauseMs: 0 },
  });
  const federated = createFederatedMethod({
    pool: world.database.pool('authentication'),
    partners,
    clock: world.clock,
    random: systemRandom,
    logger,
    rowSeal: testRowSeal,
    origin,
    config: {
      providers: [
        { issuer: provider.issuer, name: 'Example Broker AG', acrValues: ['phr', weak] },
        { issuer: other.issuer, name: 'Another', acrValues: ['phr'] },
      ],
    },
  });
  node = world.node({ methods: ['federated'] }, world.directory, { federated });
  world.directory.knowAs(anna, provider.issuer, 'anna-at-broker');
});
beforeEach(() => {
  world.clock.advance(Date.now() - world.clock.now());
  for (const { issuer, jwksUri } of [provider, other]) profiles.set(issuer, profileOf(issuer, jwksUri));
  provider.person = { subject: 'anna-at-broker', acr: strong, amr: ['hwk', 'pin'] };
});
afterAll(async () => {
  await world?.close();
  await provider?.stop();
  await other?.stop();
});

function profileOf(issuer: string, jwksUri: string, change: Partial<TrustProfile> = {}): TrustProfile {
  return {
    id: newId('profile', { clock: systemClock, random: systemRandom }),
    version: 1,
    recordId: newId('record', { clock: systemClock, random: systemRandom }),
    institution: broker,
    issuer,
    jwksUri,
    algorithms: ['ES256'],
    maxLifetimeSeconds: 300,
    requiredClaims: [],
    acrValues: [strong, weak],
    maxAuthenticationAgeSeconds: 3_600,
    signIn: { clientId: 'countersign', classes: { [strong]: 'phr' } },
    ...change,
  };
}

/** Redirects a browser to a provider. @returns the authorization request */
async function leave(browser: WebBrowser, need: object = {}, chosen = '0'): Promise<string> {
  const path = await begin(node, { need: { acrValues: [], ...need } });
  const { action: _, ...form } = await formOf(browser, path);
  const { headers, body, statusCode } = await browser.post(path, { ...form, provider: chosen });
  return statusCode === 303 ? String(headers.location) : body;
}

/** From our page through the provider's and back. @returns our last response */
async function signIn(browser: WebBrowser, need: object = {}, cookies?: Map<string, string>) {
  const back = await provider.visit(await leave(browser, need), cookies);
  return browser.get(back.replace(origin, ''));
}

const current = (browser: WebBrowser) => node.authentication.current(browser.cookieHeader());
const last = (type: RecordDraft['type']) => world.audit.ofType(type).at(-1);

describe("sign-in at a partner's identity provider", () => {
  it('signs in the person known by that account, with the assurance that the trust profile assigns', async () => {
    const browser = node.browser();
    const answer = await signIn(browser);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, returnTo]);
    expect(await current(browser)).toMatchObject({ person: anna.id, acr: 'phr', amr: ['hwk', 'pin'] });
    expect(last('identity.accepted')).toMatchObject({
      subject: { id: anna.id, institution: broker },
      authentication: { issuer: provider.issuer, acr: strong, amr: ['hwk', 'pin'] },
      references: [profiles.get(provider.issuer)?.recordId],
    });
    expect(last('session.started')).toMatchObject({
      authentication: { issuer: provider.issuer, method: 'federated', acr: 'phr' },
    });
  });

  it('keeps a class that the trust profile does not translate, which is enough for reading only', async () => {
    provider.person = { subject: 'anna-at-broker', acr: weak, amr: ['pwd'] };
    const browser = node.browser();
    expect((await signIn(browser)).statusCode).toBe(303);
    expect(await current(browser)).toMatchObject({ acr: weak, tier: 'research' });
    const refused = await signIn(node.browser(), { tier: 'order-entry' });
    expect([refused.statusCode, refused.body.includes('authenticator_too_weak')]).toEqual([403, true]);
    expect(last('session.refused')).toMatchObject({ subject: { id: anna.id }, reason: 'authenticator_too_weak' });
  });

  it('passes on the requested class, maximum age and reauthentication', async () => {
    const now = Math.floor(world.clock.now() / 1000);
    const requests = await Promise.all(
      [{}, { acrValues: ['phr'], notBefore: now - 900 }, { notBefore: now }].map(
        async (need) => new URL(await leave(node.browser(), need)).searchParams,
      ),
    );
    expect(requests.map((each) => [each.get('acr_values'), each.get('max_age'), each.get('prompt')])).toEqual([
      [`${strong} ${weak}`, '3600', null],
      [strong, '900', null],
      [`${strong} ${weak}`, '0', 'login'],
    ]);
    for (const each of requests) {
      expect(each.get('code_challenge_method')).toBe('S256');
      expect(each.get('nonce')).toMatch(/^[\w-]{43}$/);
    }
  });

  it('steps up: a session there is not enough when a fresh sign-in is required', async () => {
    const cookies = new Map<string, string>();
    const browser = node.browser();
    await signIn(browser, {}, cookies);
    const before = provider.asked.length;
    const now = Math.floor(Date.now() / 1000);
    expect((await signIn(node.browser(), { notBefore: now }, cookies)).statusCode).toBe(303);
    expect(provider.asked.at(before)?.get('prompt')).toBe('login');
    // It says that the person signed in long ago: that is not a fresh sign-in, whatever was requested.
    provider.person = { subject: 'anna-at-broker', acr: strong, amr: ['hwk'], authTime: now - 1_800 };
    const stale = await signIn(node.browser(), { notBefore: now - 600 });
    expect([stale.statusCode, stale.body.includes('sign_in_too_old')]).toEqual([403, true]);
  });

  it('refuses, on our page and in the log, unknown people, cancelled sign-ins, and anything outside the profile', async () => {
    const refusals: [string, string | undefined][] = [];
    const attempt = async () => {
      const browser = node.browser();
      const { body, statusCode } = await signIn(browser);
      expect([statusCode, await current(browser)]).toEqual([403, undefined]);
      refusals.push([/\((\w+)\)/.exec(body)?.[1] ?? body, last('identity.refused')?.reason]);
    };
    const { jwksUri, issuer } = provider;
    provider.person = { subject: 'stranger', acr: strong, amr: ['hwk'] };
    await attempt();
    provider.person = 'gives-up';
    await attempt();
    provider.person = { subject: 'anna-at-broker', acr: strong, amr: ['hwk'] };
    for (const change of [
      { acrValues: ['urn:partner:other'] },
      { algorithms: ['PS256'] as const },
      { requiredClaims: ['department'] },
      { maxAuthenticationAgeSeconds: 1 },
    ]) {
      profiles.set(issuer, profileOf(issuer, jwksUri, change));
      if ('maxAuthenticationAgeSeconds' in change)
        provider.person = {
          subject: 'anna-at-broker',
          acr: strong,
          amr: ['hwk'],
          authTime: Math.floor(Date.now() / 1000) - 60,
        };
      await attempt();
    }
    expect(refusals).toEqual([
      ['person_unknown', 'assertion_subject_unknown'],
      ['provider_refused', 'partner_sign_in_denied'],
      ['provider_answer_refused', 'assertion_assurance'],
      ['provider_answer_refused', 'assertion_algorithm'],
      ['provider_answer_refused', 'assertion_claim_missing'],
      ['provider_answer_refused', 'assertion_stale_sign_in'],
    ]);
  });

  it('accepts no class that the configuration does not accept from there, whatever the profile maps', async () => {
    const { jwksUri, issuer } = provider;
    profiles.set(
      issuer,
      profileOf(issuer, jwksUri, { signIn: { clientId: 'countersign', classes: { [strong]: 'phrh' } } }),
    );
    const browser = node.browser();
    const answer = await signIn(browser);
    expect([answer.statusCode, await current(browser)]).toEqual([403, undefined]);
    expect(last('session.refused')).toMatchObject({ subject: { id: anna.id }, reason: 'provider_answer_refused' });
  });

  it('works once, in the browser that started it, and only with its own state', async () => {
    const attacker = node.browser();
    const back = (await provider.visit(await leave(attacker))).replace(origin, '');
    const victim = node.browser();
    const forced = await victim.get(back);
    expect([forced.statusCode, forced.body.includes('sign_in_forged'), await current(victim)]).toEqual([
      403,
      true,
      undefined,
    ]);
    expect((await attacker.get(back)).statusCode).toBe(404);
    expect(await current(attacker)).toBeUndefined();

    const browser = node.browser();
    const once = (await provider.visit(await leave(browser))).replace(origin, '');
    expect((await browser.get(once)).statusCode).toBe(303);
    expect((await browser.get(once)).statusCode).toBe(404);

    const [first, second] = [node.browser(), node.browser()];
    const mine = new URL(await provider.visit(await leave(first)));
    const theirs = new URL(await provider.visit(await leave(second)));
    // Somebody else's code: it does not match the verifier of this browser's request.
    mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
    const injected = await first.get(`${mine.pathname}${mine.search}`);
    expect([injected.statusCode, await current(first)]).toEqual([403, undefined]);
    expect(last('identity.refused')).toMatchObject({ reason: 'partner_sign_in_answer' });
  });

  it('refuses a response of another provider than the one that was asked', async () => {
    const browser = node.browser();
    const back = new URL(await provider.visit(await leave(browser)));
    expect(back.searchParams.get('iss')).toBe(provider.issuer);
    back.searchParams.set('iss', other.issuer);
    expect((await browser.get(`${back.pathname}${back.search}`)).body).toContain('provider_answer_refused');
    expect(last('identity.refused')).toMatchObject({ reason: 'partner_sign_in_answer' });

    // An issuer vouches for its own people: the same subject at another issuer is somebody else.
    other.person = { subject: 'anna-at-broker', acr: strong, amr: ['hwk'] };
    const second = node.browser();
    const from = (await other.visit(await leave(second, {}, '1'))).replace(origin, '');
    expect((await second.get(from)).body).toContain('person_unknown');
  });

  it('is refused, on our page, when no trust profile allows it or the provider does not answer', async () => {
    profiles.delete(provider.issuer);
    expect(await leave(node.browser())).toContain('provider_unknown');
    const { signIn: _, ...without } = profileOf(provider.issuer, provider.jwksUri);
    profiles.set(provider.issuer, without);
    expect(await leave(node.browser())).toContain('provider_unknown');
    expect(await leave(node.browser(), {}, '7')).toContain('provider_unknown');
    await other.stop();
    world.clock.advance(3_601_000);
    expect(await leave(node.browser(), {}, '1')).toContain('provider_unavailable');
  });

  it('shows the configured names to everybody, and nothing of the directory', async () => {
    const { body, headers } = await node.browser().get(await begin(node));
    expect(body).toContain('Sign in at Example Broker AG');
    expect(body).toContain('Sign in at Another');
    expect(body).not.toContain('anna');
    expect(String(headers['content-security-policy'])).toContain(`form-action 'self' ${provider.issuer}`);
  });
});
