import { type CertificateSignatureSettings, hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import { defined, digestOf, systemRandom } from '@countersign/kernel';
import { hiddenField, personOf, type WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Holder } from '../../../../protocols/x509/src/testing/new-authority.ts';
import {
  type Card,
  newAuthority,
  newCard,
  recordIssuance,
  revokeCard,
  type Signing,
  signWithCard,
} from '../../../transaction-registry/src/testing/card-authority.ts';
import { createKeyHolders, signInWithKey } from '../testing/key-holders.ts';
import { broker } from '../testing/people.ts';
import {
  begin,
  createSignInWorld,
  issuer,
  returnTo,
  type SignInNode,
  type SignInWorld,
} from '../testing/sign-in-world.ts';
import { cardMethod, cardStatementType } from './card.ts';

const order = digestOf({ order: 1 });
const another = digestOf({ order: 2 });
const tier = 'order-entry';

describe('stepping up with a smart card', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  let authority: Holder;
  let node: SignInNode;
  let browser: WebBrowser;
  let key: SoftwareAuthenticator;
  let person: ReturnType<typeof personOf>;
  let card: Card;
  let number = 0;

  function nodeWith(acr: string): SignInNode {
    const settings: CertificateSignatureSettings = { acr, maxStatusAgeMs: 600_000, partners: [] };
    const { audit: log, directory, clock } = world;
    const method = cardMethod({ log, directory, clock, settings, origin: issuer });
    const config = { methods: ['webauthn', 'card'] as const, authenticators: { rootsFile: holders.rootsFile } };
    return world.node({ ...config, methods: [...config.methods] }, directory, { card: method });
  }

  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
    authority = newAuthority('People', world.clock.now());
    node = nodeWith(hardwareAcr);
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });
  beforeEach(async () => {
    number += 1;
    person = personOf(`card${number}`, broker, 'trader');
    world.directory.add(person);
    key = await holders.keyOf(node, person);
    browser = node.browser();
    await signInWithKey(node, browser, key, { tier });
    card = newCard(authority, world.clock.now());
    await recordIssuance({ ...world, random: systemRandom }, card, person);
  });

  const current = (intents?: readonly (typeof order)[]) =>
    node.authentication.current(browser.cookieHeader(), { tier, ...defined({ intents }) });

  /** The page of a step-up, with what its command must sign. */
  async function pageFor(intents = [order]) {
    const path = await begin(node, { need: { acrValues: ['phrh'], tier, intents, reason: 'step_up_very_large' } });
    const page = await browser.get(path);
    const [, command = ''] = /<code>(countersign card confirm [^<]+)<\/code>/.exec(page.body) ?? [];
    const [, challenge = ''] = /--challenge (\S+)/.exec(command) ?? [];
    return { path, page, command, challenge, csrf: hiddenField(page.body, 'csrf') };
  }
  type Page = Awaited<ReturnType<typeof pageFor>>;

  const send = ({ path, csrf }: Pick<Page, 'path' | 'csrf'>, signature: string) =>
    browser.post(path, { csrf, method: 'card', action: 'sign-in', signature });
  const sign = (
    { challenge }: Pick<Page, 'challenge'>,
    { claims = {}, ...signing }: Signing & { readonly claims?: Readonly<Record<string, unknown>> } = {},
    by = card,
  ) => {
    const iat = world.clock.now() / 1000;
    const all = { iss: person.id, aud: issuer, challenge, intents: [order], iat, ...claims };
    const header = { typ: cardStatementType, ...signing.header };
    return signWithCard(by, all, world.clock.now(), { ...signing, header });
  };

  it('counts for these intents, and says how', async () => {
    const page = await pageFor();
    expect(page.command).toContain(`--person ${person.id} --challenge ${page.challenge} --digest ${order}`);
    expect((await send(page, await sign(page))).headers.location).toBe(returnTo);
    expect(await current([order])).toMatchObject({ boundTo: [order], acr: 'phrh', amr: ['pop', 'hwk', 'sc'] });
    expect((await current([another]))?.boundTo).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({
      type: 'session.stepped-up',
      subject: { id: person.id },
      authentication: { method: 'card', acr: 'phrh', amr: ['pop', 'hwk', 'sc'] },
      data: { intents: [order] },
    });
  });

  it.each<[string, (page: Page) => Promise<string>, string]>([
    ['another intent', (page) => sign(page, { claims: { intents: [another] } }), 'certificate_untrusted'],
    [
      'another page',
      async (page) => sign(await pageFor().then(() => ({ ...page, challenge: 'x'.repeat(43) }))),
      'certificate_untrusted',
    ],
    ['another service', (page) => sign(page, { claims: { aud: 'https://evil.example' } }), 'certificate_untrusted'],
    ['an approval', (page) => sign(page, { header: { typ: 'countersign-approval+x509' } }), 'certificate_untrusted'],
    [
      'another person',
      async (page) => {
        const other = personOf(`other${number}`, broker, 'trader');
        world.directory.add(other);
        const theirs = newCard(authority, world.clock.now());
        await recordIssuance({ ...world, random: systemRandom }, theirs, other);
        return sign(page, { claims: { iss: other.id } }, theirs);
      },
      'certificate_untrusted',
    ],
    ['another key', (page) => sign(page, { by: newCard(authority, world.clock.now()) }), 'certificate_untrusted'],
    [
      'an old time',
      (page) => sign(page, { claims: { iat: world.clock.now() / 1000 - 3_600 } }),
      'certificate_untrusted',
    ],
    ['no status', (page) => sign(page, { ocsp: [] }), 'certificate_status_unknown'],
    [
      'a revoked certificate',
      async (page) => {
        await revokeCard({ ...world, random: systemRandom }, card, person);
        return sign(page);
      },
      'certificate_revoked',
    ],
    ['nothing', async () => '', 'certificate_untrusted'],
  ])('is refused for a signature of %s, and recorded', async (_what, made, code) => {
    const page = await pageFor();
    const answer = await send(page, await made(page));
    expect(answer.statusCode).not.toBe(303);
    expect(answer.body).toContain(code);
    expect((await current([order]))?.boundTo).toBeUndefined();
    expect(world.audit.records.at(-1)).toMatchObject({
      ...{ type: 'session.step-up-refused', reason: code, subject: { id: person.id } },
      authentication: { method: 'card' },
    });
  });

  it('is accepted once', async () => {
    const page = await pageFor();
    const signature = await sign(page);
    await send(page, signature);
    const next = await pageFor();
    expect((await send(next, signature)).body).toContain('certificate_untrusted');
  });

  it('signs nobody in: it is offered for intents only, and not where a higher class is needed', async () => {
    const path = await begin(node, { need: { acrValues: [], tier } });
    expect((await node.browser().get(path)).body).not.toContain('countersign card confirm');
    const stranger = node.browser();
    const forOrder = await begin(node, { need: { acrValues: ['phrh'], tier, intents: [order] } });
    const page = await stranger.get(forOrder);
    const [, challenge = ''] = /--challenge (\S+)/.exec(page.body) ?? [];
    const fields = { csrf: hiddenField(page.body, 'csrf'), method: 'card', action: 'sign-in' };
    const answer = await stranger.post(forOrder, { ...fields, signature: await sign({ challenge }) });
    expect(answer.body).toContain('certificate_untrusted');

    node = nodeWith(phishingResistantAcr);
    const weaker = await begin(node, { need: { acrValues: ['phrh'], tier, intents: [order] } });
    expect((await node.browser().get(weaker)).body).not.toContain('countersign card confirm');
  });
});
