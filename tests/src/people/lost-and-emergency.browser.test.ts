import { generateSigningKey } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../testing/refusal.ts';
import { skipped, withoutBrowser } from './testing/chromium.ts';
import { expectProperPage, picture } from './testing/page-checks.ts';
import { openPeopleWorld, type PeopleWorld, type PersonId, people } from './testing/people-world.ts';
import { type Visitor, visit } from './testing/visitor.ts';

const hour = 3_600_000;

describe.skipIf(withoutBrowser)(`account recovery and emergency access${skipped}`, { timeout: 120_000 }, () => {
  let world: PeopleWorld;
  const visitors = new Map<PersonId, Visitor>();
  beforeAll(async () => {
    world = await openPeopleWorld();
  }, 120_000);
  afterAll(() => world?.stop());

  /** The browser of a person, with their security key. */
  async function of(person: PersonId): Promise<Visitor> {
    const known = visitors.get(person);
    if (known !== undefined) return known;
    const visitor = await visit(world);
    await visitor.enrolHardware(person);
    visitors.set(person, visitor);
    return visitor;
  }
  /** Opens a page that needs a sign-in, signing in where required. */
  async function openAs(person: PersonId, path: string): Promise<Visitor> {
    const visitor = await of(person);
    await visitor.open(path);
    if (new URL(visitor.page.url()).pathname.startsWith('/sign-in/')) await visitor.signIn();
    return visitor;
  }
  const recoveries = (path: string, body?: object) =>
    world.controlPlane.operator.second.call('recoveries', 'recovery:open', {
      method: 'POST',
      path: `/recoveries${path}`,
      ...(body === undefined ? {} : { body }),
    }) as Promise<Readonly<Record<string, string>>>;
  const recordsOf = (type: string) => world.controlPlane.operator.records({ type });

  it('a lost key is replaced with two approvals, and by nothing else', async () => {
    await of(people.trader);
    // From a browser without any key: the answer is the same for everybody.
    const lost = await visit(world, { width: 360 });
    const told: (string | null)[] = [];
    for (const who of [people.trader, 'person:nobody.at.all']) {
      await lost.open('/recover');
      await lost.page.getByLabel('Your Countersign ID').fill(who);
      await expectProperPage(lost);
      if (told.length === 0) await picture(lost.page, 'recover');
      await lost.press('Inform my firm');
      await lost.see('Thank you');
      told.push(await lost.page.textContent('main'));
    }
    expect(told[0]).toBe(told[1]);
    await expectProperPage(lost);
    // The help desk has no way around it.
    expect(await codeOf(() => world.invite(people.trader))).toBe('recovery_needed');

    const { id = '' } = await recoveries('', {
      person: people.trader,
      evidence: ['Passport seen at the front desk, visit 2026-11/204'],
      reason: 'Left on a train, reported by telephone',
    });
    expect(await codeOf(() => recoveries(`/${id}/invitation`))).toMatch(/recovery_/);

    // Neither the person themselves, nor an approver without the function.
    await openAs(people.trader, `/recovery/${id}`);
    expect(await (await of(people.trader)).refusal()).toBe('recovery_self');
    await expectProperPage(await of(people.trader));
    await openAs(people.holder, `/recovery/${id}`);
    expect(await (await of(people.holder)).refusal()).toMatch(/recovery_(role|function|unknown|approver)/);

    const line = await openAs(people.supervisor, '/recovery');
    await expectProperPage(line);
    await line.page.getByRole('table').getByRole('link').first().click();
    await line.see(/Key recovery for/);
    await expectProperPage(line);
    await picture(line.page, 'recovery');
    await line.press('Approve with security key');
    await line.see('Approval recorded');
    await expectProperPage(line);
    // One person counts once.
    await line.open(`/recovery/${id}`);
    expect(await line.refusal()).toMatch(/recovery_/);
    expect((await recordsOf('recovery.approved')).length).toBe(1);
    const control = await openAs(people.compliance, `/recovery/${id}`);
    await control.press('Approve with security key');
    await control.see('Approval recorded');

    // The person's old keys no longer count before anything new exists.
    const before = await of(people.trader);
    await before.open('/approve');
    await before.page.waitForURL(/\/sign-in\//);
    await before.press('Use security key or passkey');
    expect(await before.refusal()).toBe('credential_unknown');

    const { url = '' } = await recoveries(`/${id}/invitation`);
    const again = await visit(world, { width: 360 });
    await again.open(url);
    await expectProperPage(again);
    await again.press('Register');
    await again.see('Registration complete');
    await again.open('/recovery');
    await again.signIn();
    await again.see('Key recoveries awaiting your approval');

    // No value moves until the cooling-off is over.
    const order = () => world.trading.order(world.mandate);
    await expect
      .poll(() => codeOf(() => world.trading.traderToken(order())), { timeout: 60_000 })
      .toBe('access_denied recovered_recently');
    await again.close();
    await lost.close();
  });

  it('a recovery is cancelled by its person with the remaining key', async () => {
    const { id = '' } = await recoveries('', {
      person: people.security,
      evidence: ['A voice on the telephone'],
      reason: 'Says that the key was stolen',
    });
    const owner = await openAs(people.security, `/recovery/${id}/cancel`);
    await expectProperPage(owner);
    await picture(owner.page, 'recovery-cancel');
    await owner.press('Cancel recovery with security key');
    await owner.see('Recovery cancelled');
    await expectProperPage(owner);
    await openAs(people.supervisor, `/recovery/${id}`);
    expect(await (await of(people.supervisor)).refusal()).toBe('recovery_decided');
  });

  it('emergency access is declared by one person, seconded by another, ended, and reviewed by a third', async () => {
    const holder = await openAs(people.holder, '/break-glass');
    const { page } = holder;
    await expectProperPage(holder);
    // Without a scope it is refused, and no input is lost.
    await page.getByLabel('What happened').fill('The order gateway sends every order twice.');
    await page.getByLabel('Incident number').fill('INC-2026-0116');
    const { kid } = generateSigningKey();
    await page.getByLabel('Key thumbprint').fill(kid);
    await holder.press('Review and sign');
    await page.locator('#scopes-problem').waitFor();
    expect(await page.locator('fieldset:focus').count()).toBe(1);
    expect(await page.getByLabel('Incident number').inputValue()).toBe('INC-2026-0116');
    await expectProperPage(holder);
    await picture(page, 'break-glass-refused');
    await page.getByRole('checkbox', { name: /order:cancel/ }).check();
    await page.getByLabel('Interface').selectOption(`${world.issuer}/transactions`);
    await holder.press('Review and sign');
    await holder.press('Back');
    expect(await page.getByLabel('Key thumbprint').inputValue()).toBe(kid);
    expect(await page.getByRole('checkbox', { name: /order:cancel/ }).isChecked()).toBe(true);
    await declare('INC-2026-0117', async () => {
      await expectProperPage(holder);
      await picture(page, 'break-glass-declare');
    });
    await expectProperPage(holder);
    const path = new URL(page.url()).pathname;
    // Nobody is their own second holder, and only holders can second.
    expect(await page.getByRole('button', { name: 'Agree with security key' }).count()).toBe(0);
    await openAs(people.supervisor, path);
    expect(await (await of(people.supervisor)).refusal()).toBe('incident_unknown');

    const second = await openAs(people.second, path);
    await expectProperPage(second);
    await picture(second.page, 'break-glass');
    await second.press('Agree with security key');
    await second.page.getByText('access granted; awaiting review').waitFor();
    await expectProperPage(second);
    expect((await recordsOf('incident.granted')).at(-1)).toMatchObject({ outcome: 'permit' });

    // Not while it runs, and not by its holders.
    const reviewer = await openAs(people.compliance, path);
    expect(await reviewer.page.getByRole('button', { name: 'Review and sign' }).count()).toBe(0);
    await page.reload();
    await picture(page, 'break-glass-granted');
    await holder.press('End access now');
    await page.getByText('access granted; awaiting review').waitFor();
    await page.reload();
    expect(await page.getByLabel('What you checked').count()).toBe(0);
    await reviewer.page.reload();
    await expectProperPage(reviewer);
    await reviewer.page
      .getByLabel('What you checked')
      .fill('Read the log of the quarter of an hour: nothing but cancellations.');
    await reviewer.page.getByRole('radio', { name: 'Justified', exact: true }).check();
    await reviewer.press('Review and sign');
    await reviewer.see('Confirmation of your review');
    await expectProperPage(reviewer);
    await picture(reviewer.page, 'break-glass-review');
    await reviewer.press('Sign with security key');
    await reviewer.see('Review recorded');
    await expectProperPage(reviewer);
    expect((await recordsOf('incident.reviewed')).at(-1)).toMatchObject({ subject: expect.anything() });
  });

  it('holders of emergency access that nobody reviews are locked', async () => {
    await openAs(people.holder, '/break-glass');
    await declare('INC-2026-0118');
    const path = new URL((await of(people.holder)).page.url()).pathname;
    const second = await openAs(people.second, path);
    await second.press('Agree with security key');
    await second.page.getByText('access granted; awaiting review').waitFor();
    world.wait(25 * hour);
    await world.controlPlane.components.breakGlass.handleDue();
    for (const person of [people.holder, people.second]) {
      const visitor = await of(person);
      await visitor.open('/break-glass');
      await visitor.page.waitForURL(/\/sign-in\//);
      await visitor.press('Use security key or passkey');
      expect(await visitor.refusal()).toBe('credential_unknown');
    }
    const reviewer = await openAs(people.compliance, path);
    await reviewer.page.getByText('both holders are locked out').waitFor();
    await expectProperPage(reviewer);
  });

  /** Fills in and signs the form on the first holder's page. */
  async function declare(reference: string, looked: (visitor: Visitor) => Promise<void> = async () => undefined) {
    const visitor = await of(people.holder);
    const { page } = visitor;
    await page.getByLabel('What happened').fill('The order gateway sends every order twice; cancel what is open.');
    await page.getByLabel('Incident number').fill(reference);
    await page.getByLabel('Interface').selectOption(`${world.issuer}/transactions`);
    await page.getByRole('checkbox', { name: /order:cancel/ }).check();
    await page.getByLabel('Key thumbprint').fill(generateSigningKey().kid);
    await visitor.press('Review and sign');
    await visitor.see('Confirmation of this incident');
    await looked(visitor);
    await visitor.press('Declare with security key');
    await visitor.see(`Incident ${reference}`);
  }
});
