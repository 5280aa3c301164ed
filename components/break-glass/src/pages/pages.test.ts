import { createHttpServer, createMetrics, pageRoutes } from '@countersign/runtime';
import { browserOf, cookieSignIn, filledForm } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { breakGlassPages, type RunningBreakGlass } from '../index.ts';
import {
  anna,
  type BreakGlassWorld,
  cora,
  createBreakGlassWorld,
  eve,
  fay,
  origin,
  sam,
  stopOrders,
  tom,
} from '../testing/break-glass-world.ts';

const minute = 60_000;
let world: BreakGlassWorld;
let breakGlass: RunningBreakGlass;
let app: FastifyInstance;

beforeEach(async () => {
  world = await createBreakGlassWorld();
  breakGlass = world.node();
  const { logger, random, clock } = world;
  app = createHttpServer({ logger, metrics: createMetrics() });
  pageRoutes(app);
  breakGlassPages(app, {
    breakGlass,
    authentication: cookieSignIn,
    statements: world.keys.statements,
    directory: world.directory,
    log: {
      query: async () => [
        {
          index: 0n,
          record: { ...world.deed, v: 2, time: '2026-11-21T09:05:00.000Z' },
        },
      ],
    },
    issuer: origin,
    environment: 'development',
    clock,
    random,
    logger,
  });
  for (const each of [fay, sam, tom, cora, anna, eve]) world.keys.enrol(each.id);
});
afterEach(async () => {
  await app.close();
  await world.close();
});

const filled = {
  reason: stopOrders.reason,
  reference: stopOrders.reference,
  resource: stopOrders.resource,
  jkt: stopOrders.jkt,
  'scope-order:read': 'yes',
  'scope-order:cancel': 'yes',
};

/** @returns path of the incident */
async function declareOnPage(): Promise<string> {
  const browser = browserOf(app, fay);
  const form = filledForm((await browser.get('/break-glass')).body, 'prepare');
  const shown = await browser.post('/break-glass', { ...form, ...filled });
  expect(shown.statusCode).toBe(200);
  for (const each of [stopOrders.reason, stopOrders.reference, stopOrders.jkt, 'order:read, order:cancel'])
    expect(shown.body).toContain(each);
  const signed = filledForm(shown.body, 'declare', world.keys.keyOf(fay.id));
  const declared = await browser.post('/break-glass', signed);
  expect(declared.statusCode).toBe(303);
  return String(declared.headers.location);
}

describe('emergency access on the pages', () => {
  it('is declared, seconded, ended and reviewed', async () => {
    const path = await declareOnPage();
    const second = browserOf(app, sam);
    expect((await second.get('/break-glass')).body).toContain(`href="${path}"`);
    const agreed = await second.post(
      path,
      filledForm((await second.get(path)).body, 'second', world.keys.keyOf(sam.id)),
    );
    expect(agreed.statusCode).toBe(303);

    const holder = browserOf(app, fay);
    const running = await holder.get(path);
    expect(running.body).toContain('countersign incident collect inc_');
    expect((await browserOf(app, cora).get(path)).body).not.toContain('name="action" value="prepare-review"');
    expect((await holder.post(path, filledForm(running.body, 'end'))).statusCode).toBe(303);

    const reviewer = browserOf(app, cora);
    const page = await reviewer.get(path);
    expect(page.body).toContain('transaction.transitioned');
    const note = 'Looked at each order that was cancelled';
    const form = { ...filledForm(page.body, 'prepare-review'), verdict: 'not-justified', note };
    const shown = await reviewer.post(path, form);
    expect(shown.body).toContain(note);
    const done = await reviewer.post(path, filledForm(shown.body, 'review', world.keys.keyOf(cora.id)));
    expect(done.statusCode).toBe(200);
    expect((await breakGlass.list({}))[0]).toMatchObject({
      status: 'reviewed',
      review: { by: cora.id, verdict: 'not-justified', note },
    });
  });

  it('requires the administration sign-in', async () => {
    const sent = await browserOf(app, fay, 'reading,approval').get('/break-glass');
    expect(sent.statusCode).toBe(303);
    expect(sent.headers.location).toContain('tier=administration');
  });

  it('does not exist for others: another firm, and people who are neither holders nor reviewers', async () => {
    const path = await declareOnPage();
    for (const who of [anna, eve]) expect((await browserOf(app, who).get(path)).statusCode).toBe(404);
    expect((await browserOf(app, anna).get('/break-glass')).statusCode).toBe(404);
    expect((await browserOf(app, eve).get('/break-glass')).body).not.toContain(stopOrders.reference);
    // Reviewers cannot declare.
    expect((await browserOf(app, cora).get('/break-glass')).body).not.toContain('value="prepare"');
  });

  it('covers exactly what was shown: a field changed afterwards is refused', async () => {
    const browser = browserOf(app, fay);
    const form = filledForm((await browser.get('/break-glass')).body, 'prepare');
    const shown = await browser.post('/break-glass', { ...form, ...filled });
    const signed = filledForm(shown.body, 'declare', world.keys.keyOf(fay.id));
    const changed = await browser.post('/break-glass', { ...signed, 'scope-trade:read': 'yes' });
    expect(changed.statusCode).toBe(403);
    expect(changed.body).toContain('incident_statement');
    const again = await browser.post('/break-glass', signed);
    expect(again.body).toContain('challenge_unknown');
    expect(await breakGlass.list({})).toEqual([]);
  });

  it('names the faults of the input by a code', async () => {
    const browser = browserOf(app, fay);
    const form = filledForm((await browser.get('/break-glass')).body, 'prepare');
    for (const [change, code] of [
      [{ reason: 'short' }, 'incident_malformed'],
      [{ jkt: 'x' }, 'incident_malformed'],
      [{ 'scope-session:end': 'yes' }, 'incident_scope'],
    ] as const)
      expect((await browser.post('/break-glass', { ...form, ...filled, ...change })).body).toContain(code);
    // Other scopes have no field either.
    const sneaked = await browser.post('/break-glass', { ...form, ...filled, 'scope-withdrawal:request': 'yes' });
    expect(sneaked.body).not.toContain('withdrawal:request');
    expect((await browser.post('/break-glass', filled)).body).toContain('csrf_token_invalid');
  });

  it('keeps the input when it is refused, at every step, with the error beside its field', async () => {
    const browser = browserOf(app, fay);
    const form = filledForm((await browser.get('/break-glass')).body, 'prepare');
    const refused = await browser.post('/break-glass', { ...form, ...filled, reference: 'INC\u0007' });
    expect(refused.statusCode).toBe(400);
    expect(refused.body).toContain(`>${stopOrders.reason}</textarea>`);
    expect(refused.body).toContain(`value="${stopOrders.jkt}"`);
    expect(refused.body).toMatch(/name="reference" value="INC[^"]*"[^>]* aria-invalid="true" autofocus/);
    expect(refused.body).toContain('id="reference-problem"');
    expect(refused.body).toMatch(/name="scope-order:read" value="yes" checked/);
    expect(refused.body).not.toMatch(/name="scope-trade:read" value="yes" checked/);
    // The form that is shown again can be submitted.
    const shown = await browser.post('/break-glass', { ...filledForm(refused.body, 'prepare'), ...filled });
    expect(shown.statusCode).toBe(200);
    // Going back loses no input, and neither does an invalid signature.
    const changed = await browser.post('/break-glass', filledForm(shown.body, 'change'));
    expect([changed.statusCode, changed.body]).toEqual([
      200,
      expect.stringContaining(`>${stopOrders.reason}</textarea>`),
    ]);
    const signed = filledForm(shown.body, 'declare', world.keys.keyOf(fay.id));
    const failed = await browser.post('/break-glass', { ...signed, credential: 'not json' });
    expect(failed.statusCode).toBeGreaterThanOrEqual(400);
    expect(failed.body).toContain(`>${stopOrders.reason}</textarea>`);
    expect(failed.body).toMatch(/role="alert" tabindex="-1" autofocus/);
    expect(failed.body).not.toContain('not json');
    expect(await breakGlass.list({})).toEqual([]);
  });

  it('keeps the input of a refused review', async () => {
    const path = await declareOnPage();
    const second = browserOf(app, sam);
    await second.post(path, filledForm((await second.get(path)).body, 'second', world.keys.keyOf(sam.id)));
    const holder = browserOf(app, fay);
    await holder.post(path, filledForm((await holder.get(path)).body, 'end'));
    const reviewer = browserOf(app, cora);
    const form = filledForm((await reviewer.get(path)).body, 'prepare-review');
    const short = await reviewer.post(path, { ...form, verdict: 'not-justified', note: 'too short' });
    expect([short.statusCode, short.body]).toEqual([400, expect.stringContaining('incident_malformed')]);
    expect(short.body).toMatch(/name="note"[^>]* aria-invalid="true" autofocus>too short<\/textarea>/);
    expect(short.body).toContain('value="not-justified" checked');
    const note = 'Looked at each order that was cancelled';
    const shown = await reviewer.post(path, { ...form, verdict: 'not-justified', note });
    const changed = await reviewer.post(path, filledForm(shown.body, 'change-review'));
    expect([changed.statusCode, changed.body]).toEqual([200, expect.stringContaining(`>${note}</textarea>`)]);
  });

  it('is in German for German browsers', async () => {
    const page = await browserOf(app, fay).get('/break-glass', { 'accept-language': 'de' });
    expect(page.body).toContain('<html lang="de">');
    expect(page.body).toContain('Neuer Vorfall');
  });

  it('lapses without a second holder', async () => {
    const path = await declareOnPage();
    world.clock.advance(15 * minute);
    await breakGlass.handleDue();
    const page = await browserOf(app, sam).get(path);
    expect(page.body).toContain('expired without a second holder');
    expect(page.body).not.toContain('name="action"');
  });
});
