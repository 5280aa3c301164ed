import type { Person } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor } from '../../../consent-store/src/testing/firms.ts';
import {
  type ApproverPagesWorld,
  codeOf,
  createApproverPagesWorld,
  hiddenFields,
  textOf,
} from '../testing/approver-pages-world.ts';
import { carla, foreignOperations, olaf, olga, oscar } from '../testing/approving-world.ts';
import type { Enrolled } from '../testing/small-authenticators.ts';
import { colleague, secondSupervisor, supervisor, trader } from '../testing/trading-world.ts';

let world: ApproverPagesWorld;
const keys = new Map<string, Enrolled>();
beforeAll(async () => {
  world = await createApproverPagesWorld();
  for (const person of [olga, oscar, olaf, supervisor]) keys.set(person.id, await world.enrol(person));
});
afterAll(() => world.close());

function keyOf({ id }: Person): Enrolled {
  const key = keys.get(id);
  if (key === undefined) throw new Error(`${id} has no key`);
  return key;
}
/** The terms of an order that this world's mandates permit. */
const order = {
  max_qty: '100',
  max_notional: { amount: '12000', ccy: 'EUR' },
  limit_price: { amount: '120', ccy: 'EUR' },
  instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' },
  venue_mic: 'XETR',
  algo: undefined,
};
/** The page of a transaction in this person's browser. */
async function opened(person: Person, target: { readonly id: string }, query = '') {
  const browser = world.browserOf(person);
  const path = `/approve/${target.id}`;
  return { browser, path, page: await browser.get(path + query) };
}
/** Opens the page, signs and submits the approval. */
async function approved(person: Person, target: { readonly id: string }) {
  const { browser, path, page } = await opened(person, target);
  return browser.post(path, { ...world.signed(page.body, keyOf(person)) });
}
const recordsSince = (length: number) => world.audit.records.slice(length);

describe('the page of a transaction', () => {
  it('shows every line of the intent, the points to check, the initiator, the outstanding approvals, and the deadline', async () => {
    const change = await world.begin('settlement_instruction', { dvp: false });
    const { page } = await opened(supervisor, change);
    expect(page.statusCode).toBe(200);
    const text = textOf(page.body);
    for (const shown of [
      'Settle 95,600 EUR on 2026-11-24',
      'does not match an active address book entry',
      'Deliverer',
      'CASH-9',
      'free of payment: no payment is received in return',
      'person:tess',
      'Monday, 15 June 2026 at 18:00 UTC',
      change.intentDigest.slice(0, 4),
    ])
      expect(text).toContain(shown);
    expect(text.indexOf('Please check carefully')).toBeLessThan(text.indexOf('Transaction details'));
  });

  it('cannot be framed, cached or scripted, and loads the ceremony script only when a signature is requested', async () => {
    const change = await world.begin('privileged_admin');
    const { page } = await opened(olga, change);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.body.match(/<h1/g)).toHaveLength(1);
    const list = await world.browserOf(olga).get('/approve');
    expect(list.headers['content-security-policy']).not.toContain('script-src');
    expect(list.body).not.toContain('<script');
  });

  it('says the same in German, and marks text that stays untranslated', async () => {
    const change = await world.begin('privileged_admin');
    const german = await world.browserOf(olga).get(`/approve/${change.id}`, { 'accept-language': 'de-AT,en;q=0.5' });
    expect(german.body).toContain('<html lang="de">');
    const text = textOf(german.body);
    for (const words of ['Freigeben und signieren', 'Abwicklung', 'Vorgang', 'Montag, 15. Juni 2026', 'erfasst'])
      expect(text).toContain(words);
    expect(german.body).toContain('<bdi lang="en">policy.publish</bdi>');
  });

  it('redirects to sign-in without a session for approvals, whether or not the transaction exists, and does not loop', async () => {
    const change = await world.begin('privileged_admin');
    const browser = world.browserOf();
    for (const path of ['/approve', `/approve/${change.id}`, `/approve/batch?txn=${change.id}`, '/approve/txn_none']) {
      const answer = await browser.get(path);
      const location = new URL(String(answer.headers.location), 'https://countersign.example');
      expect([answer.statusCode, location.pathname, location.searchParams.get('tier')]).toEqual([
        303,
        '/sign-in/test',
        'approval',
      ]);
      const back = location.searchParams.get('to') ?? '';
      expect(back.startsWith(path)).toBe(true);
      const again = await browser.get(back);
      expect([again.statusCode, codeOf(again.body)]).toEqual([403, 'sign_in_abandoned']);
    }
  });

  it('does not exist for people without a part in its approval, or without an approval role', async () => {
    const change = await world.begin('privileged_admin');
    const foreign = await opened(foreignOperations, change);
    expect([foreign.page.statusCode, codeOf(foreign.page.body)]).toEqual([404, 'transaction_not_found']);
    for (const made of ['x', `${change.id}x`, '%00', '..%2f']) {
      const answer = await world.browserOf(olga).get(`/approve/${made}`);
      expect([answer.statusCode, codeOf(answer.body)]).toEqual([404, 'transaction_not_found']);
    }
    const other = await opened(colleague, change);
    expect([other.page.statusCode, codeOf(other.page.body)]).toEqual([403, 'approval_role']);
    expect(other.page.body).not.toContain('policy.publish');
  });

  it('lets the initiator read it, says why they cannot approve it, and asks for no signature', async () => {
    const change = await world.begin('privileged_admin', {}, actor(olga));
    const { page } = await opened(olga, change);
    expect(page.statusCode).toBe(200);
    expect(textOf(page.body)).toContain('You started or took over this transaction');
    expect(page.body).toContain('approval_self');
    expect(page.body).not.toContain('data-webauthn');
  });

  it('can be read and declined by an approver without a suitable authenticator', async () => {
    const change = await world.begin('privileged_admin');
    const weak = { ...olga, id: 'person:wim' as Person['id'] };
    world.directory.principals.set(weak.id, weak);
    for (const enrolled of [false, true]) {
      if (enrolled) await world.enrol(weak, { acr: 'phr' });
      const { page } = await opened(weak, change);
      expect(page.body).toContain('authenticator_none');
      expect(page.body).not.toContain('data-webauthn');
      expect(page.body).toContain('value="decline"');
    }
  });

  it('asks an approver with several roles to choose one before signing', async () => {
    const approvals = [
      { role: 'risk', count: 1 },
      { role: 'supervisor', count: 1 },
    ];
    const root = await world.grant({ approvals });
    const entry = await world.begin('trade_order', order, actor(trader), root);
    const both = { ...oscar, id: 'person:bea' as Person['id'], roles: ['operations', 'risk', 'supervisor'] };
    world.directory.principals.set(both.id, both);
    keys.set(both.id, await world.enrol(both));
    const { browser, path, page } = await opened(both, entry);
    expect(page.body).not.toContain('data-webauthn');
    expect(page.body.match(/type="radio" name="role" value="[a-z-]+"/g)).toEqual([
      'type="radio" name="role" value="risk"',
      'type="radio" name="role" value="supervisor"',
    ]);
    for (const role of ['operations', 'nobody'])
      expect((await browser.get(`${path}?role=${role}`)).body).toContain('radio');
    const chosen = await browser.get(`${path}?role=risk`);
    expect((await browser.post(path, world.signed(chosen.body, keyOf(both)))).statusCode).toBe(303);
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'approval.given', data: { role: 'risk' } });
    const admin = await opened(both, await world.begin('privileged_admin'));
    expect(hiddenFields(admin.page.body, 'data-webauthn')['role']).toBe('operations');
  });
});

describe('an approval by a security key', () => {
  it('is given by one click, recorded with the assertion, its key and what was shown, and counts', async () => {
    const change = await world.begin('privileged_admin');
    const before = world.audit.records.length;
    const answer = await approved(olga, change);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, `/approve/${change.id}`]);
    const [given, ...more] = recordsSince(before);
    expect(more).toEqual([]);
    const { authenticator } = keyOf(olga);
    expect(given).toMatchObject({
      type: 'approval.given',
      outcome: 'permit',
      transaction: change.id,
      intent: change.intentDigest,
      subject: { id: olga.id },
      references: expect.arrayContaining([authenticator.recordId]),
      data: {
        authenticator: authenticator.id,
        key: authenticator.jwk,
        role: 'operations',
        statement: {
          claims: {
            typ: 'countersign-approval+webauthn',
            iss: olga.id,
            txn: change.id,
            intent_digest: change.intentDigest,
            decision: 'approve',
            role: 'operations',
          },
          signature: { rp_id: 'countersign.example', origin: 'https://countersign.example' },
        },
        shown: { lang: 'en', title: expect.stringContaining('policy.publish') },
      },
    });
    expect((await world.registry.facts(change.id))?.approvals).toEqual([
      { approver: olga.id, role: 'operations', institution: olga.institution, method: 'authenticator' },
    ]);
    const page = await world.browserOf(olga).get(`/approve/${change.id}`);
    expect(textOf(page.body)).toContain('You have approved this transaction');
    expect(page.body).not.toContain('data-webauthn');
    await approved(oscar, change);
    const receipt = await world.registry.transition({
      transaction: change.id,
      event: 'apply',
      idempotencyKey: world.next('apply'),
      body: {},
      by: { ...actor(trader), client: 'broker-desk' },
    });
    expect(receipt.state).toBe('applied');
  });

  it('hides what was shown from those who may not read it', async () => {
    const change = await world.begin('privileged_admin');
    await approved(olga, change);
    const draft = world.audit.drafts.at(-1);
    expect(JSON.stringify(draft?.data)).not.toContain('policy.publish');
    expect(draft?.protectedValues?.map(({ path, kind }) => [path, kind])).toEqual([['/data/shown', 'strategy']]);
  });

  it('counts once: a double click, a second tab and a second key of the same person change nothing', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    const second = await opened(olga, change);
    const form = world.signed(page.body, keyOf(olga));
    const answers = await Promise.all([browser.post(path, form), browser.post(path, form), browser.post(path, form)]);
    expect(answers.filter(({ statusCode }) => statusCode === 303)).toHaveLength(1);
    for (const answer of answers.filter(({ statusCode }) => statusCode !== 303))
      expect([
        answer.statusCode,
        ['challenge_unknown', 'approval_repeated'].includes(codeOf(answer.body) ?? ''),
      ]).toEqual([409, true]);
    const tab = await second.browser.post(path, world.signed(second.page.body, keyOf(olga)));
    expect([tab.statusCode, codeOf(tab.body)]).toEqual([409, 'approval_repeated']);
    expect((await world.registry.facts(change.id))?.approvals).toHaveLength(1);
  });

  it.each([
    ['another origin', { origin: 'https://countersign.example.evil.example' }, 'origin_wrong'],
    ['another relying party', { rpId: 'evil.example' }, 'rp_id_wrong'],
    ['another challenge', { challenge: 'A'.repeat(43) }, 'challenge_mismatch'],
    ['no user verification', { userVerified: false }, 'user_not_verified'],
    ['no touch', { userPresent: false }, 'user_not_present'],
    ['flipped backup eligibility', { backupEligible: true, backedUp: false }, 'backup_flags_changed'],
    ['a counter that went back', { counter: 0 }, 'counter_rolled_back'],
  ])('is refused with %s', async (_what, behaviour, code) => {
    const change = await world.begin('privileged_admin');
    // A key that has signed before.
    const first = await world.begin('privileged_admin');
    await approved(olaf, first);
    const { browser, path, page } = await opened(olaf, change);
    const answer = await browser.post(path, world.signed(page.body, keyOf(olaf), behaviour));
    expect([answer.statusCode, codeOf(answer.body)]).toEqual([403, code]);
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
  });

  it('is refused with the key of somebody else, or with unreadable input', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    const mine = world.signed(page.body, keyOf(olga));
    const foreign = await opened(oscar, change);
    const theirs = world.signed(foreign.page.body, keyOf(oscar));
    const mixed = await browser.post(path, { ...mine, credential: theirs['credential'] });
    expect([mixed.statusCode, codeOf(mixed.body)]).toEqual([403, 'credential_unknown']);
    for (const credential of ['', '{', 'null', '[]', '{"id":1}', 'x'.repeat(9_000)]) {
      const again = await opened(olga, change);
      const answer = await again.browser.post(path, {
        ...hiddenFields(again.page.body, 'data-webauthn'),
        decision: 'approve',
        credential,
      });
      expect([answer.statusCode, codeOf(answer.body)]).toEqual([400, 'credential_malformed']);
    }
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
  });

  it('is for the displayed transaction: one signed for another is refused, and the refusal recorded', async () => {
    const [one, other] = [await world.begin('privileged_admin'), await world.begin('privileged_admin')];
    const shown = await opened(olga, one);
    const target = await opened(olga, other);
    const before = world.audit.records.length;
    const answer = await target.browser.post(target.path, {
      ...world.signed(shown.page.body, keyOf(olga)),
      csrf: hiddenFields(target.page.body, 'data-webauthn')['csrf'],
      shown: hiddenFields(target.page.body, 'data-webauthn')['shown'],
    });
    expect([answer.statusCode, codeOf(answer.body)]).toEqual([409, 'approval_terms_changed']);
    expect(recordsSince(before)).toMatchObject([
      { type: 'approval.refused', outcome: 'deny', reason: 'approval_terms_changed', subject: { id: olga.id } },
    ]);
  });

  it('is refused once something has changed since the page was shown, and the page names the change', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    world.directory.principals.delete(trader.id);
    const answer = await browser.post(path, world.signed(page.body, keyOf(olga)));
    expect([answer.statusCode, codeOf(answer.body)]).toEqual([409, 'approval_changed']);
    expect(textOf(answer.body)).toContain('The initiator is no longer in the directory');
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
    world.directory.principals.set(trader.id, trader);
    const forged = await browser.post(path, {
      ...world.signed((await browser.get(path)).body, keyOf(olga)),
      shown: 'x',
    });
    expect([forged.statusCode, codeOf(forged.body)]).toEqual([409, 'approval_changed']);
  });

  it('is refused after the page’s ten minutes, and for a finished transaction', async () => {
    const change = await world.begin('privileged_admin', {
      not_after: new Date(world.clock.now() + 1_800_000).toISOString(),
    });
    const { browser, path, page } = await opened(olga, change);
    world.clock.advance(600_000);
    const late = await browser.post(path, world.signed(page.body, keyOf(olga)));
    expect([late.statusCode, codeOf(late.body)]).toEqual([409, 'challenge_unknown']);
    world.clock.advance(1_200_000);
    const over = await browser.get(path);
    expect(over.body).toContain('intent_expired');
    expect(over.body).not.toContain('data-webauthn');
  });

  it('requires the form of the page, of this session and this browser, from our own origin', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    const form = world.signed(page.body, keyOf(olga));
    const code = async (fields: object, headers: Readonly<Record<string, string | undefined>> = {}) => {
      const answer = await browser.post(path, { ...form, ...fields }, headers);
      return [answer.statusCode, codeOf(answer.body)];
    };
    expect(await code({ csrf: undefined })).toEqual([403, 'csrf_token_invalid']);
    expect(await code({ csrf: 'x'.repeat(43) })).toEqual([403, 'csrf_token_invalid']);
    expect(await code({}, { 'sec-fetch-site': 'cross-site' })).toEqual([403, 'csrf_token_invalid']);
    expect(await code({}, { 'sec-fetch-site': undefined, origin: 'https://evil.example' })).toEqual([
      403,
      'csrf_token_invalid',
    ]);
    const elsewhere = await opened(olga, change);
    expect(await code({ csrf: hiddenFields(elsewhere.page.body, 'data-webauthn')['csrf'] })).toEqual([
      403,
      'csrf_token_invalid',
    ]);
    expect(await code({ decision: undefined })).toEqual([400, 'decision_missing']);
    expect((await browser.post(path, form)).statusCode).toBe(303);
  });

  it('does not count when it cannot be recorded', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    world.audit.breakDown('writing');
    const answer = await browser.post(path, world.signed(page.body, keyOf(olga)));
    world.audit.repair();
    expect([answer.statusCode, codeOf(answer.body)]).toEqual([503, 'log_unavailable']);
    expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
  });

  it('ends with its authenticator, and does not count while its person is locked', async () => {
    const change = await world.begin('privileged_admin');
    const person = { ...olga, id: 'person:nina' as Person['id'] };
    world.directory.principals.set(person.id, person);
    const key = await world.enrol(person);
    keys.set(person.id, key);
    await approved(person, change);
    const standing = async () => (await world.registry.facts(change.id))?.approvals.length;
    expect(await standing()).toBe(1);
    world.authenticators.lock(person);
    expect(await standing()).toBe(0);
    world.authenticators.lock(person, false);
    expect(await standing()).toBe(1);
    world.authenticators.remove(key.authenticator);
    expect(await standing()).toBe(0);
  });

  it('can be withdrawn on the page', async () => {
    const change = await world.begin('privileged_admin');
    await approved(olga, change);
    const { browser, path, page } = await opened(olga, change);
    const form = hiddenFields(page.body, 'method="post"');
    expect((await browser.post(path, { ...form, decision: 'withdraw' })).statusCode).toBe(303);
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'approval.withdrawn', subject: { id: olga.id } });
    expect((await browser.get(path)).body).toContain('data-webauthn');
  });
});

describe('declining', () => {
  it('is recorded with its reason and reported to colleagues; it ends nothing and can be reversed', async () => {
    const change = await world.begin('privileged_admin');
    const { browser, path, page } = await opened(olga, change);
    const { csrf } = hiddenFields(page.body, 'data-webauthn');
    const none = await browser.post(path, { csrf, decision: 'decline', reason: '  ' });
    expect([none.statusCode, none.body]).toEqual([400, expect.stringContaining('decline_reason')]);
    const long = `${'x'.repeat(500)} and why`;
    const tooLong = await browser.post(path, { csrf, decision: 'decline', reason: long });
    // Shown again as typed, opened, with the error beside it and the focus on it.
    expect(tooLong.body).toMatch(
      new RegExp(
        `<details open>[\\s\\S]*<textarea[^>]* aria-describedby="reason-hint reason-problem" aria-invalid="true" autofocus>${long}</textarea>`,
      ),
    );
    expect(tooLong.body).toContain('id="reason-problem"');
    const before = world.audit.records.length;
    for (const reason of ['The ticket says <b>otherwise</b>', 'once more'])
      expect((await browser.post(path, { csrf, decision: 'decline', reason })).statusCode).toBe(303);
    expect(recordsSince(before)).toMatchObject([
      {
        type: 'approval.declined',
        outcome: 'deny',
        reason: 'approval_declined',
        transaction: change.id,
        subject: { id: olga.id },
        data: { reason: 'The ticket says <b>otherwise</b>' },
      },
    ]);
    expect(JSON.stringify(world.audit.drafts.at(-1)?.data)).not.toContain('ticket');
    const mine = await browser.get(path);
    expect(textOf(mine.body)).toContain('You have declined this transaction');
    expect(mine.body).not.toContain('<b>otherwise');
    const theirs = await opened(oscar, change);
    expect(textOf(theirs.page.body)).toContain('person:olga');
    expect(textOf(theirs.page.body)).toContain('The ticket says <b>otherwise</b>');
    expect((await browser.post(path, world.signed(mine.body, keyOf(olga)))).statusCode).toBe(303);
  });

  it('is refused to people who could not approve', async () => {
    const change = await world.begin('privileged_admin', {}, actor(olga));
    await expect(world.registry.decline(change.id, olga.id, 'mine')).rejects.toMatchObject({ code: 'approval_self' });
    expect(world.audit.records.at(-1)).toMatchObject({ type: 'approval.refused', reason: 'approval_self' });
    await expect(world.registry.decline(change.id, foreignOperations.id, 'no')).rejects.toMatchObject({
      code: 'transaction_not_found',
    });
    await expect(world.registry.decline(change.id, colleague.id, 'no')).rejects.toMatchObject({
      code: 'approval_role',
    });
    await expect(world.registry.decline(change.id, oscar.id, 'x'.repeat(501))).rejects.toMatchObject({
      code: 'decline_reason',
    });
  });
});

describe('a change since the approver looked', () => {
  it('is shown line by line, when another intent for the same was not carried out', async () => {
    const ticket = { ticket: 'CHG-COMPARED' };
    const first = await world.begin('privileged_admin', ticket);
    expect(textOf((await opened(olga, first)).page.body)).not.toContain('Changed since your last review');
    world.clock.advance(60_000);
    const second = await world.begin('privileged_admin', { ...ticket, after_hash: 'C'.repeat(43) });
    for (const again of [1, 2]) {
      const text = textOf((await opened(olga, second)).page.body);
      expect([again, text]).toEqual([again, expect.stringContaining('Changed since your last review')]);
      expect(text).toMatch(/After \(SHA-256\) B{43} C{43}/);
      expect(text).not.toContain('Idempotency key order-');
    }
    // For somebody who has not looked before there is no change to show.
    expect(textOf((await opened(oscar, second)).page.body)).not.toContain('Changed since your last review');
    expect(textOf((await opened(olga, first)).page.body)).not.toContain('Changed since your last review');
  });
});

describe('the list of outstanding approvals', () => {
  it('shows only what the viewer can approve, with the approvals required', async () => {
    const own = await createApproverPagesWorld();
    for (const person of [olga, oscar, olaf]) keys.set(`own ${person.id}`, await own.enrol(person));
    const listOf = async (person: Person) => textOf((await own.browserOf(person).get('/approve')).body);
    expect(await listOf(olga)).toContain('No transactions are awaiting your approval');
    const change = await own.begin('privileged_admin', { ticket: 'LATER' });
    const soon = await own.begin('privileged_admin', {
      operation: 'policy.first',
      not_after: new Date(own.clock.now() + 600_000).toISOString(),
    });
    const mine = await own.begin('privileged_admin', { operation: 'policy.mine' }, actor(olga));
    const list = await listOf(olga);
    expect(list.indexOf('policy.first')).toBeGreaterThan(0);
    expect(list.indexOf('policy.first')).toBeLessThan(list.indexOf('policy.publish'));
    expect(list).not.toContain('policy.mine');
    expect(list).toContain('1 warning');
    expect(await listOf(oscar)).toContain('policy.mine');
    for (const nobody of [carla, supervisor, foreignOperations, trader])
      expect(await listOf(nobody)).not.toContain('policy.');
    expect((await own.registry.waitingFor(olga.id, [change.intentDigest])).waiting).toMatchObject([
      { view: { transaction: change.id }, roles: ['operations'] },
    ]);
    expect((await own.registry.waitingFor(olga.id, [mine.intentDigest])).waiting).toEqual([]);
    await own.approve(olga, change);
    await own.registry.decline(soon.id, olga.id, 'not now');
    expect(await listOf(olga)).toContain('No transactions are awaiting');
    own.clock.advance(600_000);
    const later = await listOf(oscar);
    expect(later).not.toContain('policy.first');
    expect(later).toContain('policy.publish');
    await own.registry.sweep();
    for (const person of [olga, oscar]) await own.approve(person, change);
    await own.step(change.id, 'apply', actor(trader));
    expect(await listOf(olaf)).not.toContain('policy.publish');
    await own.close();
  });

  it('learns of a policy’s requirement when the step is requested, or when somebody looks', async () => {
    const large = { ...order, max_notional: { amount: '1500000', ccy: 'EUR' } };
    const { id, intentDigest } = await world.begin('trade_order', large);
    const waits = async (person: Person) => (await world.registry.waitingFor(person.id, [intentDigest])).waiting;
    expect(await waits(supervisor)).toEqual([]);
    await world.registry.approvalView(id, trader.institution);
    expect(await waits(supervisor)).toMatchObject([{ roles: ['supervisor'] }]);
    expect(await waits(secondSupervisor)).toHaveLength(1);
    const { body } = await (await world.browserOf(supervisor)).get(`/approve/${id}`);
    expect(textOf(body)).toMatch(/without a response from .+: head of desk in place of supervisor/);
    expect(await waits(olga)).toEqual([]);
  });

  it('holds thirty at most, and says when there are more', async () => {
    const own = await createApproverPagesWorld();
    for (let count = 0; count < 31; count++) await own.begin('privileged_admin');
    const found = await own.registry.waitingFor(olga.id);
    expect([found.waiting.length, found.more]).toEqual([30, true]);
    const page = await own.browserOf(olga).get('/approve');
    expect(textOf(page.body)).toContain('Not all pending transactions fit');
    await own.close();
  });
});

describe('several approvals under one signature', () => {
  const address = (...targets: readonly { readonly id: string }[]) =>
    `/approve/batch?${targets.map(({ id }) => `txn=${id}`).join('&')}`;

  it('are each shown, signed over the digest of the list, and all recorded', async () => {
    const entry = await world.begin('address_book_change');
    const targets = [await world.begin('privileged_admin'), entry];
    await world.step(entry.id, 'propose', actor(trader));
    const browser = world.browserOf(olga);
    const page = await browser.get(address(...targets));
    expect(page.statusCode).toBe(200);
    const text = textOf(page.body);
    for (const shown of [
      '2 transactions, one signature',
      'policy.publish',
      '0x52908400098527886E0F7030069857D2E4169EE7',
      '1 of 2',
    ])
      expect(text).toContain(shown);
    const before = world.audit.records.length;
    const form = world.signed(page.body, keyOf(olga));
    const answer = await browser.post('/approve/batch', form);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, address(...targets)]);
    const given = recordsSince(before);
    expect(given.map(({ type, transaction }) => [type, transaction])).toEqual(
      expect.arrayContaining(targets.map(({ id }) => ['approval.given', id])),
    );
    expect(given).toHaveLength(2);
    expect(given[0]).toMatchObject({ data: { batch_root: expect.any(String), shown: { lang: 'en' } } });
    const done = await browser.get(address(...targets));
    expect(textOf(done.body)).toContain('You have approved 2 transactions');
    const again = await browser.post('/approve/batch', form);
    expect([again.statusCode, codeOf(again.body)]).toEqual([409, 'approval_repeated']);
  });

  it('are all or none: those that cannot be approved are named, and the rest offered without them', async () => {
    const [good, own] = [await world.begin('privileged_admin'), await world.begin('privileged_admin', {}, actor(olga))];
    const browser = world.browserOf(olga);
    const page = await browser.get(address(good, own));
    expect(page.body).not.toContain('data-webauthn');
    expect(page.body).toContain('approval_self');
    expect(page.body).toContain(`href="/approve/batch?txn=${good.id}"`);
    const one = await browser.get(address(good));
    const other = await world.begin('privileged_admin');
    const items = `${good.id} ${other.id}`;
    const forged = await browser.post('/approve/batch', { ...world.signed(one.body, keyOf(olga)), items });
    expect([forged.statusCode, codeOf(forged.body)]).toEqual([403, 'csrf_token_invalid']);
  });

  it('are refused when signed on the page of another list, and the refusal is recorded', async () => {
    const [shown, other] = [await world.begin('privileged_admin'), await world.begin('privileged_admin')];
    const browser = world.browserOf(olga);
    const page = await browser.get(address(shown));
    const beside = await browser.get(address(other));
    const before = world.audit.records.length;
    const { handle, credential } = world.signed(beside.body, keyOf(olga));
    const answer = await browser.post('/approve/batch', {
      ...hiddenFields(page.body, 'data-webauthn'),
      decision: 'approve',
      handle,
      credential,
    });
    expect([answer.statusCode, codeOf(answer.body)]).toEqual([409, 'approval_batch_root']);
    expect(recordsSince(before)).toMatchObject([{ type: 'approval.refused', reason: 'approval_batch_root' }]);
    for (const { id } of [shown, other]) expect((await world.registry.facts(id))?.approvals).toEqual([]);
  });

  it('are at least one and at most thirty, all visible to the approver', async () => {
    const browser = world.browserOf(olga);
    const code = async (path: string) => {
      const answer = await browser.get(path);
      return [answer.statusCode, codeOf(answer.body)];
    };
    expect(await code('/approve/batch')).toEqual([400, 'batch_empty']);
    expect(await code('/approve/batch?txn=x')).toEqual([404, 'transaction_not_found']);
    const many = Array.from({ length: 31 }, (_, index) => `txn=${index}`).join('&');
    expect(await code(`/approve/batch?${many}`)).toEqual([413, 'batch_too_large']);
  });
});
