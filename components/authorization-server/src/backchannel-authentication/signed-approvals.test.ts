import type { ApprovalView, Person, TransactionRegistry } from '@countersign/contracts';
import { digestOf, newId, systemRandom } from '@countersign/kernel';
import { hiddenField } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageCode } from '../testing/page-answers.ts';
import { anna, type CibaWorld, createCibaWorld, type Fields } from './testing/ciba-world.ts';

type Enrolled = Awaited<ReturnType<CibaWorld['authenticators']['enrol']>>;
type Behaviour = Parameters<Enrolled['device']['get']>[1];

let waiting: readonly { readonly transaction: ApprovalView['transaction']; readonly intent: string }[] = [];
const transactions: Pick<TransactionRegistry, 'waitingFor'> = {
  waitingFor: async (_person, intents = []) => ({
    waiting: waiting
      .filter(({ intent }) => intents.some((digest) => digest === intent))
      .map(({ transaction }) => ({ view: { transaction } as ApprovalView, roles: ['supervisor'] })),
    more: false,
  }),
};

let world: CibaWorld;
let key: Enrolled;
beforeAll(async () => {
  world = await createCibaWorld({ options: { maxOutstandingForPerson: 1_000 }, signing: true, transactions });
  const person = world.world.directory.snapshot().principal(anna);
  key = await world.authenticators.enrol(person as Person);
});
afterAll(() => world.close());

const askedIntent = async (change: object = {}, fields: Fields = {}, of = world): Promise<string> => {
  const details = JSON.stringify([of.order(change)]);
  return (await of.ask(of.plain({ authorization_details: details, scope: 'order:create', ...fields }))).auth_req_id;
};
async function opened(id: string, of = world) {
  const browser = of.browser();
  const path = of.pathOf(id);
  return { browser, path, page: await of.openSignedIn(browser, path) };
}
/** The form that the browser sends after the authenticator has answered. */
function signed(page: string, behaviour: Behaviour = {}, { device } = key): Fields {
  const options = /data-webauthn="get" data-options="([^"]*)"/.exec(page)?.[1]?.replaceAll('&quot;', '"') ?? 'null';
  return {
    ...Object.fromEntries(['csrf', 'seen', 'handle'].map((name) => [name, hiddenField(page, name)])),
    decision: 'allow',
    credential: JSON.stringify(device.get(JSON.parse(options), behaviour)),
  };
}
const recordsSince = (length: number) => world.audit.records.slice(length);

describe('approving an intent', () => {
  it('requires a signature, recorded with its class and time in the grant', async () => {
    const id = await askedIntent();
    const { browser, path, page } = await opened(id);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    const before = world.audit.records.length;
    world.clock.advance(30_000);
    const answer = await browser.post(path, signed(page.body));
    expect([answer.statusCode, answer.headers.location]).toEqual([303, path]);
    const granted = recordsSince(before).find(({ type }) => type === 'authorization.granted');
    const { authenticator } = key;
    const now = Math.floor(world.clock.now() / 1000);
    expect(granted).toMatchObject({
      authentication: { acr: 'phrh', amr: ['pop', 'hwk', 'user'], authTime: now },
      references: expect.arrayContaining([authenticator.recordId]),
      data: {
        authenticator: authenticator.id,
        key: authenticator.jwk,
        statement: {
          claims: {
            typ: 'countersign-consent+webauthn',
            iss: anna,
            client: 'trading-desk',
            request: path.slice('/approvals/'.length),
            decision: 'allow',
            intents: [expect.stringMatching(/^[\w-]{43}$/)],
          },
        },
      },
    });
    expect(await world.consentStore.grants.find(world.grantOf(id))).toMatchObject({
      acr: 'phrh',
      authTime: now,
      boundTo: [expect.stringMatching(/^[\w-]{43}$/)],
    });
  });

  it('reports a key as hardware-backed only if its maker attests to it', async () => {
    const person = world.world.directory.snapshot().principal(anna);
    const unattested = await world.authenticators.enrol(person as Person, { acr: 'phr' });
    const { browser, path, page } = await opened(await askedIntent());
    const before = world.audit.records.length;
    expect((await browser.post(path, signed(page.body, {}, unattested))).statusCode).toBe(303);
    const granted = recordsSince(before).find(({ type }) => type === 'authorization.granted');
    expect(granted?.authentication).toMatchObject({ acr: 'phr', amr: ['pop', 'user'] });
  });

  it('is not possible by a click alone once the person has an authenticator, and the attempt is recorded', async () => {
    const id = await askedIntent();
    const { browser, path, page } = await opened(id);
    const click = { ...world.formOf(page.body, 'allow') };
    for (const credential of [undefined, '']) {
      const answer = await browser.post(path, { ...click, credential });
      expect([answer.statusCode, pageCode(answer.body)]).toEqual([403, 'signature_required']);
      expect(world.audit.records.at(-1)).toMatchObject({ type: 'backchannel.refused', outcome: 'deny' });
    }
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'authorization_pending' });
  });

  it('counts once, for the request and the terms that were signed', async () => {
    const [one, other] = [await askedIntent({ max_qty: '1' }), await askedIntent({ max_qty: '2' })];
    const shown = await opened(one);
    const target = await opened(other);
    const mixed = { ...signed(shown.page.body), ...world.formOf(target.page.body, 'allow') };
    const answer = await target.browser.post(target.path, mixed);
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([409, 'approval_changed']);
    const again = await shown.browser.post(shown.path, { ...signed(shown.page.body) });
    expect([again.statusCode, pageCode(again.body)]).toEqual([409, 'challenge_unknown']);
    const anew = await shown.browser.get(shown.path);
    expect((await shown.browser.post(shown.path, signed(anew.body))).statusCode).toBe(303);
  });

  it.each([
    ['another origin', { origin: 'https://evil.example' }, 'origin_wrong'],
    ['another challenge', { challenge: digestOf('x') }, 'challenge_mismatch'],
    ['no user verification', { userVerified: false }, 'user_not_verified'],
    ['a counter that went back', { counter: 0 }, 'counter_rolled_back'],
  ])('is refused with %s', async (_what, behaviour, code) => {
    const id = await askedIntent();
    const { browser, path, page } = await opened(id);
    const answer = await browser.post(path, signed(page.body, behaviour));
    expect([answer.statusCode, pageCode(answer.body)]).toEqual([403, code]);
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'authorization_pending' });
  });

  it('is refused without a signature, by a button that needs none', async () => {
    const id = await askedIntent();
    const { browser, path, page } = await opened(id);
    expect(page.body).toMatch(/name="decision" value="refuse" formnovalidate/);
    expect((await browser.post(path, world.formOf(page.body, 'refuse'))).statusCode).toBe(303);
    await expect(world.redeem(id)).rejects.toMatchObject({ code: 'access_denied' });
  });

  it('requires no signature if there is no intent', async () => {
    const { auth_req_id: id } = await world.ask();
    const { browser, path, page } = await opened(id);
    expect(page.body).not.toContain('data-webauthn');
    expect((await browser.post(path, world.formOf(page.body, 'allow'))).statusCode).toBe(303);
  });
});

describe('a person without an authenticator', () => {
  it('approves an intent by a click in development', async () => {
    const own = await createCibaWorld({ signing: true });
    const id = await askedIntent({}, {}, own);
    const { browser, path, page } = await opened(id, own);
    expect(page.body).not.toContain('data-webauthn');
    expect((await browser.post(path, own.formOf(page.body, 'allow'))).statusCode).toBe(303);
    await own.close();
  });
});

describe('a backchannel request for a transaction that needs the person’s approval', () => {
  it('links to the page where the transaction is approved, and no other request does', async () => {
    const id = await askedIntent({ max_qty: '31' });
    const transaction = newId('transaction', { clock: world.clock, random: systemRandom });
    const requested = world.audit.records.findLast(({ type }) => type === 'backchannel.requested');
    const intent = String(requested?.intent);
    expect((await opened(id)).page.body).not.toContain('/approve/');
    waiting = [{ transaction, intent }];
    expect((await opened(id)).page.body).toContain(`href="/approve/${transaction}"`);
    expect((await opened(await askedIntent({ max_qty: '32' }))).page.body).not.toContain('/approve/');
    const list = await world.openSignedIn(world.browser(), '/approvals');
    expect(list.body).toContain('href="/approve"');
  });
});
