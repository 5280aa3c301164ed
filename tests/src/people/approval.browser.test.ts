import type { AuthorizationDetail } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askPerson, redeemFields } from '../testing/backchannel.ts';
import { textIn } from '../testing/code-flow.ts';
import { doors } from '../testing/firms.ts';
import { algorithmic, claimsOf } from '../testing/trading.ts';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { openPeopleWorld, type PeopleWorld, people } from './testing/people-world.ts';
import { copyKeys, handOver, type Visitor, visit, wrongly } from './testing/visitor.ts';

const minute = 60_000;

describe.skipIf(withoutBrowser)(`an approval${skipped}`, { timeout: 120_000 }, () => {
  let world: PeopleWorld;
  let supervisor: Visitor;
  let key: Awaited<ReturnType<Visitor['enrolHardware']>>;
  beforeAll(async () => {
    world = await openPeopleWorld();
    supervisor = await visit(world);
    key = await supervisor.enrolHardware(people.supervisor);
    await supervisor.open('/approve');
    await supervisor.signIn();
  }, 120_000);
  afterAll(() => world?.stop());

  const approvalsOf = async (transaction: string) =>
    (await world.controlPlane.operator.records({ type: 'approval.given', transaction })).length;
  const refusedFor = async () => (await world.controlPlane.operator.records({ type: 'authenticator.refused' })).at(-1);

  it('is given with keyboard and key only, over exactly what the page shows', async () => {
    const { transaction } = await world.begin(algorithmic);
    const { page } = supervisor;
    await supervisor.open('/approve');
    await expectProperPage(supervisor);
    await picture(page, 'approvals');
    await page
      .getByRole('link', { name: /^Review/ })
      .first()
      .focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/approve/${transaction}`);
    await expectProperPage(supervisor);
    for (const shown of ['DE000EXMPL17', 'NLAM-0042', 'Example Brokers', '101.25'])
      expect(await page.textContent('article')).toContain(shown);
    await picture(page, 'approval');
    await picture(page, 'approval-dark', { colorScheme: 'dark' });
    await picture(page, 'approval-sign', { part: 'end' });
    await page.getByRole('button', { name: 'Approve and sign' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('You have approved this transaction').waitFor();
    await expectProperPage(supervisor);
    expect(await approvalsOf(transaction)).toBe(1);
    // The step that was refused before now succeeds.
    await world.trading.transition('brk-orders', 'submit', transaction, `submit-${transaction}`);
  });

  it('of several is one signature over all of them', async () => {
    const both = [await world.begin(), await world.begin({ side: 'SELL', account: 'NLAM-0043' })];
    const { page } = supervisor;
    await supervisor.open('/approve');
    for (const box of await page.getByRole('checkbox').all()) await box.check();
    await picture(page, 'approvals-chosen');
    await supervisor.press('Review selected');
    await supervisor.see('2 transactions, one signature');
    await expectProperPage(supervisor);
    await picture(page, 'batch');
    await picture(page, 'batch-sign', { part: 'end' });
    await supervisor.press('Approve all 2 and sign');
    await supervisor.see('You have approved 2 transactions');
    await expectProperPage(supervisor);
    for (const { transaction } of both) expect(await approvalsOf(transaction)).toBe(1);
  });

  it('shows the differences from the order seen before', async () => {
    const { client_order_id: id } = world.trading.order(world.mandate);
    const first = await world.begin({ client_order_id: id });
    await supervisor.open(`/approve/${first.transaction}`);
    const second = await world.begin({ client_order_id: id, account: 'NLAM-0043' });
    await supervisor.open(`/approve/${second.transaction}`);
    await supervisor.page.getByText('Changed since your last review').waitFor();
    await expectProperPage(supervisor);
    await picture(supervisor.page, 'approval-changed');
  });

  it('is declined with a reason', async () => {
    const { transaction } = await world.begin();
    await supervisor.open(`/approve/${transaction}`);
    await supervisor.page.getByText('Decline this transaction').click();
    await supervisor.page.getByLabel('Reason', { exact: true }).fill('Too large for today');
    await supervisor.press('Decline');
    await supervisor.page.getByText('You have declined this transaction').waitFor();
    await expectProperPage(supervisor);
    expect(await approvalsOf(transaction)).toBe(0);
  });

  it('counts once, however often it is sent', async () => {
    const { transaction } = await world.begin();
    const [one, other] = [supervisor.page, await supervisor.context.newPage()];
    await supervisor.open(`/approve/${transaction}`);
    await other.goto(one.url());
    const form = await formOn(other);
    await supervisor.press('Approve and sign');
    await one.getByText('You have approved this transaction').waitFor();
    // The second tab, and the form again by hand: a key signs again, without effect.
    const credential = JSON.stringify(key.get(form.options, { counter: 500 }));
    const again = await send(form, { decision: 'approve', credential });
    expect([again.status(), await again.text()]).toEqual([409, expect.stringContaining('approval_repeated')]);
    const replayed = await send(form, { decision: 'approve', credential });
    expect(await replayed.text()).toMatch(/approval_repeated|challenge_unknown/);
    await handOver(key, supervisor, 1_000);
    expect(await approvalsOf(transaction)).toBe(1);
    await other.close();
  });

  it('signed for one intent counts for no other', async () => {
    const [one, other] = [await world.begin(), await world.begin({ side: 'SELL' })];
    await supervisor.open(`/approve/${one.transaction}`);
    const form = await formOn(supervisor.page);
    await supervisor.open(`/approve/${other.transaction}`);
    const wanted = await formOn(supervisor.page);
    const credential = JSON.stringify(key.get(form.options, { counter: 1_600 }));
    const forged = { decision: 'approve', credential };
    // The page of one order, submitted with the fields of the other.
    const shown = await send({ ...wanted, fields: { ...form.fields, csrf: wanted.fields['csrf'] ?? '' } }, forged);
    expect([shown.status(), await shown.text()]).toEqual([409, expect.stringContaining('approval_changed')]);
    // The signature over one, on the page of the other.
    const signed = await send(wanted, forged);
    expect(await signed.text()).toContain('challenge_mismatch');
    for (const { transaction } of [one, other]) expect(await approvalsOf(transaction)).toBe(0);
  });

  it.each([
    ['for another site', { origin: 'https://countersign.evil.example' }, 'origin_wrong'],
    ['for another service', { rpId: 'evil.example' }, 'rp_id_wrong'],
    ['from within a frame of another site', { crossOrigin: true }, 'origin_wrong'],
    ['without a PIN or fingerprint', { userVerified: false }, 'user_not_verified'],
    ['by a key that is synced now', { backupEligible: true }, 'backup_flags_changed'],
  ] as const)('signed %s is refused', async (_, behaviour, code) => {
    const { transaction } = await world.begin();
    await supervisor.open(`/approve/${transaction}`);
    await supervisor.answer(wrongly(key, { counter: 1_700, ...behaviour }), { decision: 'approve' });
    expect(await supervisor.refusal()).toBe(code);
    await expectProperPage(supervisor);
    expect(await approvalsOf(transaction)).toBe(0);
    expect(await refusedFor()).toMatchObject({ reason: code });
  });

  it('is refused from the initiator', async () => {
    const both = await visit(world);
    await both.enrolHardware(people.both);
    const { transaction } = await world.begin({}, 'ines');
    await both.open(`/approve/${transaction}`);
    await both.signIn();
    expect(await both.refusal()).toBe('approval_self');
    await expectProperPage(both);
    expect(await both.page.getByRole('button', { name: /Approve/ }).count()).toBe(0);
    await both.close();
  });

  it('is refused from somebody without a role for it', async () => {
    const stranger = await visit(world);
    await stranger.enrolHardware(people.holder);
    const { transaction } = await world.begin();
    expect(await stranger.open(`/approve/${transaction}`)).toBe(200);
    await stranger.signIn();
    expect(await stranger.refusal()).toBe('approval_role');
    expect(await stranger.page.getByRole('button', { name: /Approve/ }).count()).toBe(0);
    await stranger.close();
  });

  describe('on a phone', () => {
    let phone: Visitor;
    beforeAll(async () => {
      const trader = await visit(world);
      await trader.enrolHardware(people.trader);
      phone = await visit(world, { width: 360 });
      await copyKeys(trader, phone, { signCount: 20 });
      await trader.close();
    });

    /** The client asks; the person is notified on their own device. */
    async function ask(details: readonly AuthorizationDetail[]) {
      const answer = await askPerson(world.asker, {
        scope: 'openid order:create',
        resource: doors.broker,
        authorization_details: details,
        login_hint: people.trader,
        binding_message: 'W4SCT',
        requested_expiry: 300,
      });
      return textIn(answer, 'auth_req_id');
    }
    async function openRequest() {
      await phone.open('/approvals');
      if (new URL(phone.page.url()).pathname.startsWith('/sign-in/')) await phone.signIn();
      await expectProperPage(phone);
      await picture(phone.page, 'phone-list');
      await phone.page.getByRole('table').getByRole('link').first().click();
      await phone.see(/^Allow/);
      await expectProperPage(phone);
    }

    it('a request of other software is allowed by a signature over exactly that request', async () => {
      const request = await ask([world.trading.order(world.mandate)]);
      await openRequest();
      await picture(phone.page, 'phone-request');
      await picture(phone.page, 'phone-request-sign', { part: 'end' });
      expect(await phone.page.textContent('article')).toContain('W4SCT');
      await phone.press('Sign and allow');
      await phone.see('You have allowed this');
      await expectProperPage(phone);
      const claims = claimsOf({
        accessToken: textIn(await world.asker.post('/token', redeemFields(request)), 'access_token'),
      });
      expect(claims).toMatchObject({ sub: people.trader, acr: 'phrh', act: { sub: 'service:desk-ciba' } });
    });

    it('is refused without a signature', async () => {
      const request = await ask([world.trading.order(world.mandate)]);
      await openRequest();
      await phone.press('Refuse');
      await phone.see('You have refused this');
      expect((await world.asker.post('/token', redeemFields(request))).members['error']).toBe('access_denied');
    });

    it('a supervisor approves a transaction started at a desk', async () => {
      const own = await visit(world, { width: 360 });
      await copyKeys(supervisor, own, { signCount: 2_000 });
      const { transaction } = await world.begin();
      await own.open(`/approve/${transaction}`);
      await own.signIn();
      await expectProperPage(own);
      await picture(own.page, 'phone-approval', { colorScheme: 'dark' });
      await own.press('Approve and sign');
      await own.page.getByText('You have approved this transaction').waitFor();
      expect(await approvalsOf(transaction)).toBe(1);
      await own.close();
    });
  });

  // Last, since it advances the clock.
  it('comes too late from a page that was open too long, and for an expired order', async () => {
    const later = await world.begin();
    const over = await world.begin({ not_after: new Date(Date.now() + 20 * minute).toISOString() });
    await handOver(key, supervisor, 3_000);
    await supervisor.open(`/approve/${later.transaction}`);
    world.wait(11 * minute);
    await supervisor.press('Approve and sign');
    // The approval session has ended: a new sign-in, and the current page.
    await supervisor.signIn();
    expect(await approvalsOf(later.transaction)).toBe(0);

    await supervisor.open(`/approve/${over.transaction}`);
    world.wait(9 * minute + 30_000);
    await supervisor.press('Approve and sign');
    expect(await supervisor.refusal()).toBe('intent_expired');
    await expectProperPage(supervisor);
    expect(await approvalsOf(over.transaction)).toBe(0);
  });

  /** The form as it is on the page. */
  async function formOn(page: Visitor['page']) {
    const form = page.locator('form[data-webauthn]').first();
    const fields: Record<string, string> = {};
    for (const input of await form.locator('input[type=hidden]').all())
      fields[(await input.getAttribute('name')) ?? ''] = (await input.getAttribute('value')) ?? '';
    const options: unknown = JSON.parse((await form.getAttribute('data-options')) ?? 'null');
    return { action: (await form.getAttribute('action')) ?? '', fields, options };
  }

  function send(form: Awaited<ReturnType<typeof formOn>>, more: Readonly<Record<string, string>>) {
    return supervisor.context.request.post(world.issuer + form.action, {
      form: { ...form.fields, ...more },
      headers: { origin: world.issuer, 'sec-fetch-site': 'same-origin' },
      maxRedirects: 0,
    });
  }
});
