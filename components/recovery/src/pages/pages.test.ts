import { createHttpServer, createMetrics, pageRoutes } from '@countersign/runtime';
import { browserOf, cookieSignIn, filledForm } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningRecovery, recoveryPages } from '../index.ts';
import {
  anna,
  bea,
  ben,
  cora,
  createRecoveryWorld,
  eve,
  helpDesk,
  issuer,
  lost,
  type RecoveryWorld,
} from '../testing/recovery-world.ts';

let world: RecoveryWorld;
let recovery: RunningRecovery;
let app: FastifyInstance;

beforeEach(async () => {
  world = await createRecoveryWorld();
  recovery = world.node();
  const { logger, random } = world;
  app = createHttpServer({ logger, metrics: createMetrics() });
  pageRoutes(app);
  recoveryPages(app, {
    recovery,
    authentication: cookieSignIn,
    statements: world.keys.statements,
    issuer,
    environment: 'development',
    random,
    logger,
  });
  for (const each of [anna, ben, bea, cora, eve]) world.keys.enrol(each.id);
});
afterEach(async () => {
  await app.close();
  await world.close();
});

describe('the page for a lost key', () => {
  it('gives the same answer for known and unknown people', async () => {
    const browser = browserOf(app);
    expect((await browser.get('/recover')).statusCode).toBe(200);
    const known = await browser.post('/recover', { person: anna.id });
    const unknown = await browser.post('/recover', { person: 'person:nobody.here' });
    expect(known.statusCode).toBe(200);
    expect(unknown.body).toBe(known.body);
    const { date: _one, ...mine } = known.headers;
    const { date: _other, ...theirs } = unknown.headers;
    expect(theirs).toEqual(mine);
    // It opens nothing; only known people are shown to the account administrators of their firm.
    expect(await recovery.list({})).toEqual([]);
    expect(await recovery.requests(anna.institution)).toMatchObject([{ person: anna.id, times: 1 }]);
    expect(await recovery.requests(eve.institution)).toEqual([]);
    expect(world.audit.records).toEqual([]);
    expect(world.told).toEqual([]);
  });

  it('accepts ten requests an hour from one network, and nobody can use that up for others', async () => {
    const browser = browserOf(app);
    for (let count = 0; count < 10; count += 1)
      expect((await browser.post('/recover', { person: anna.id }, {}, '2001:db8:1:2::1')).statusCode).toBe(200);
    const refused = await browser.post('/recover', { person: anna.id }, {}, '2001:db8:1:2:ffff::9');
    expect(refused.statusCode).toBe(429);
    expect(refused.body).toContain('recovery_requests_spent');
    expect((await browser.post('/recover', { person: anna.id }, {}, '2001:db8:1:3::1')).statusCode).toBe(200);
    world.clock.advance(3_600_000);
    expect((await browser.post('/recover', { person: anna.id }, {}, '2001:db8:1:2::1')).statusCode).toBe(200);
    expect(await recovery.requests(undefined)).toMatchObject([{ person: anna.id, times: 12 }]);
  });

  it('keeps at most a thousand requests of unknown people, and deletes none of known ones for them', async () => {
    await recovery.publicRequests.ask(anna.id, '192.0.2.200');
    const networks = Array.from({ length: 120 }, (_, index) => `198.51.100.${index}`);
    for (const network of networks)
      await Promise.all(
        Array.from({ length: 9 }, (_, index) =>
          recovery.publicRequests.ask(`stranger-${network.replaceAll('.', '-')}-${index}`, network),
        ),
      );
    // People whose requests were deleted ask again, while others cause deletions.
    const { rows: kept } = await world.database
      .pool('recovery')
      .query<{ person: string }>('select person from requests where not known order by last_at limit 200');
    for (let first = 0; first < kept.length; first += 20)
      await Promise.all(
        kept
          .slice(first, first + 20)
          .flatMap(({ person }, index) => [
            recovery.publicRequests.ask(person, `203.0.113.${first + index + 2}`),
            recovery.publicRequests.ask(`late-${first}-${index}`, `203.0.113.${first + index + 2}`),
          ]),
      );
    // Each of the concurrent requests saw only earlier ones; the next one sees all.
    await recovery.publicRequests.ask('one.more', '203.0.113.1');
    await recovery.publicRequests.ask('one.more', '203.0.113.1');
    const { rows } = await world.database
      .pool('recovery')
      .query<{ known: boolean; n: number }>(
        'select known, count(*)::int as n from requests group by known order by known',
      );
    expect(rows).toEqual([
      { known: false, n: 1_000 },
      { known: true, n: 1 },
    ]);
  });

  it('shows the input again when it is refused, as text, with the error beside it', async () => {
    const typed = 'Anna Keller <b>"';
    const refused = await browserOf(app).post('/recover', { person: typed });
    expect(refused.statusCode).toBe(400);
    expect(refused.body).toMatch(
      /name="person" value="Anna Keller &lt;b&gt;&quot;"[^>]* aria-describedby="person-hint person-problem" aria-invalid="true" autofocus/,
    );
    expect(refused.body).toMatch(/id="person-problem">[\s\S]*recovery_malformed/);
    expect(refused.body).not.toContain('<b>"');
  });

  it('cannot be submitted by another site', async () => {
    const forged = await browserOf(app).post('/recover', { person: anna.id }, { 'sec-fetch-site': 'cross-site' });
    expect(forged.statusCode).toBe(403);
    expect(await recovery.requests(undefined)).toEqual([]);
  });
});

describe('approving on the page', () => {
  it('shows what is signed, and both approvals end what the person had', async () => {
    const { id, digest } = await recovery.open(lost, helpDesk);
    for (const [who, words] of [
      [ben, 'The approval of the other function is outstanding.'],
      [cora, 'Both functions have approved.'],
    ] as const) {
      const browser = browserOf(app, who);
      expect((await browser.get('/recovery')).body).toContain(`href="/recovery/${id}"`);
      const page = await browser.get(`/recovery/${id}`);
      expect(page.statusCode).toBe(200);
      for (const shown of [anna.id, lost.reason, ...lost.evidence, helpDesk.id, digest])
        expect(page.body).toContain(shown);
      expect(page.headers['content-security-policy']).toContain("script-src 'self'");
      expect(page.headers['cache-control']).toBe('no-store');
      const done = await browser.post(`/recovery/${id}`, filledForm(page.body, 'approve', world.keys.keyOf(who.id)));
      expect(done.statusCode).toBe(200);
      expect(done.body).toContain(words);
    }
    expect((await recovery.find(id))?.status).toBe('ended');
  });

  it('is in German for German browsers', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    const page = await browserOf(app, ben).get(`/recovery/${id}`, { 'accept-language': 'de-CH, en;q=0.5' });
    expect(page.body).toContain('<html lang="de">');
    expect(page.body).toContain('Mit Sicherheitsschlüssel genehmigen');
  });

  it('requires the approver sign-in, once, and returns', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    const browser = browserOf(app, ben, 'reading');
    const sent = await browser.get(`/recovery/${id}`);
    expect(sent.statusCode).toBe(303);
    expect(sent.headers.location).toBe(
      `/sign-in/test?tier=approval&to=${encodeURIComponent(`/recovery/${id}?after=sign-in`)}`,
    );
    const back = await browser.get(`/recovery/${id}?after=sign-in`);
    expect(back.statusCode).toBe(403);
    expect(back.body).toContain('sign_in_abandoned');
  });

  it('gives the reason for a refusal by a code: the person, the same function again, another firm', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    await world.approve(recovery, id, ben);
    for (const [who, status, code] of [
      [anna, 403, 'recovery_self'],
      [ben, 403, 'recovery_same_person'],
      [bea, 403, 'recovery_function'],
      [eve, 404, 'recovery_unknown'],
    ] as const) {
      const page = await browserOf(app, who).get(`/recovery/${id}`);
      expect(page.statusCode).toBe(status);
      expect(page.body).toContain(code);
    }
  });

  it('refuses a form of another site or page, a repeated answer, and one of another key', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    const browser = browserOf(app, ben);
    const page = await browser.get(`/recovery/${id}`);
    const form = filledForm(page.body, 'approve', world.keys.keyOf(ben.id));
    const path = `/recovery/${id}`;
    expect((await browser.post(path, form, { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    const { csrf: _csrf, ...without } = form;
    expect((await browser.post(path, without)).body).toContain('csrf_token_invalid');
    const foreign = filledForm((await browser.get(path)).body, 'approve');
    const stolen = { ...foreign, credential: form['credential'] ?? '' };
    // Signed for another rendering of the page.
    expect((await browser.post(path, stolen)).body).toContain('challenge_mismatch');
    expect((await browser.post(path, { ...foreign, credential: 'not json' })).statusCode).toBe(409);
    expect((await browser.post(path, form)).statusCode).toBe(200);
    expect((await browser.post(path, form)).body).toContain('challenge_unknown');
    expect((await recovery.find(id))?.approvals).toHaveLength(1);
  });

  it('rejects with a reason', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    const browser = browserOf(app, cora);
    const form = filledForm((await browser.get(`/recovery/${id}`)).body, 'refuse');
    expect((await browser.post(`/recovery/${id}`, { ...form, reason: '' })).statusCode).toBe(400);
    const refused = await browser.post(`/recovery/${id}`, { ...form, reason: 'I called her\u0007' });
    expect(refused.body).toMatch(/name="reason" value="I called her[^"]*"[^>]* aria-invalid="true" autofocus/);
    expect(filledForm(refused.body, 'refuse')).toMatchObject({ action: 'refuse' });
    const done = await browser.post(`/recovery/${id}`, { ...form, reason: 'I spoke with her <b>today</b>' });
    expect(done.statusCode).toBe(200);
    expect((await recovery.find(id))?.status).toBe('refused');
  });
});

describe('cancelling on the page', () => {
  it('is for the person, with a read-only sign-in and a working key', async () => {
    const { id } = await recovery.open(lost, helpDesk);
    const path = `/recovery/${id}/cancel`;
    expect((await browserOf(app, ben).get(path)).statusCode).toBe(404);
    const browser = browserOf(app, anna, 'reading');
    const page = await browser.get(path);
    const done = await browser.post(path, filledForm(page.body, 'cancel', world.keys.keyOf(anna.id)));
    expect(done.statusCode).toBe(200);
    expect(done.body).toContain('<a href="/me">');
    expect((await recovery.find(id))?.status).toBe('cancelled');
  });
});
