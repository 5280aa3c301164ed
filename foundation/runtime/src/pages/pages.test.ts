import { CodedError, systemRandom } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpServer } from '../http/index.ts';
import { createLogger, createMetrics } from '../observability/index.ts';
import {
  ceremonyAttributes,
  ceremonyButton,
  ceremonyFields,
  chooseTexts,
  createCsrfToken,
  csrfField,
  csrfTokenOf,
  formFields,
  html,
  matchesCsrfToken,
  page,
  pageRoutes,
  readForm,
  refusedForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
} from './index.ts';

const origin = 'https://id.example';

describe('a refused form', () => {
  const typed = new Map([['name', '<b>me']]);
  const fault = (field: string) =>
    new CodedError({ code: 'name_wrong', category: 'invalid', detail: 'No.', facts: { field } });
  const fieldsOf = (error: CodedError, lang = 'en') =>
    formFields(refusedForm(error, typed), { fields: ['name', 'other'], lang });

  it('keeps its input, with the error and the focus at the field that the error names', () => {
    const form = fieldsOf(fault('name'));
    expect(form.value('name')).toBe('<b>me');
    expect(String(form.attributes('name', 'hint'))).toBe(
      ' aria-describedby="hint name-problem" aria-invalid="true" autofocus',
    );
    expect(String(form.problem('name'))).toContain('id="name-problem"');
    expect([String(form.attributes('other')), form.problem('other'), form.notice]).toEqual(['', undefined, undefined]);
  });

  it('shows the error at the top if it names no field of the form', () => {
    const form = fieldsOf(fault('csrf'), 'de');
    expect(String(form.notice)).toMatch(/role="alert" tabindex="-1" autofocus>[\s\S]*Es wurde nichts ausgeführt/);
    expect(String(form.attributes('name'))).toBe('');
  });

  it('is not shown again for a forged form, an unavailable service, or an internal error', () => {
    const forged = new CodedError({ code: 'csrf_token_invalid', category: 'forbidden', detail: 'No.' });
    const away = new CodedError({ code: 'away', category: 'unavailable', detail: 'No.' });
    for (const error of [forged, away, new Error('ours')]) expect(() => refusedForm(error, typed)).toThrow(error);
  });

  it('is empty and without an error before it was sent', () => {
    const form = formFields(undefined, { fields: ['name'], lang: 'en' });
    expect([form.value('name'), String(form.attributes('name', 'hint')), form.problem('name'), form.notice]).toEqual([
      '',
      ' aria-describedby="hint"',
      undefined,
      undefined,
    ]);
  });
});

describe('pages over HTTP', () => {
  let app: FastifyInstance;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const document = page({ title: 'T', body: html`<h1>T</h1>` });

  beforeAll(() => {
    app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    app.get('/plain', (_request, reply) => sendPage(reply, 200, document));
    app.get('/secure', (_request, reply) =>
      sendPage(reply, 200, document, {
        secure: true,
        formAction: ['https://client.example/cb?a=b', 'https://client.example/other', 'com.example.app:/cb'],
      }),
    );
    app.get('/script', (_request, reply) =>
      sendPage(
        reply,
        200,
        page({ title: 'T', body: html`<h1>T</h1>`, script: true, scripts: ['/assets/other.js?v=1'] }),
        {
          script: true,
        },
      ),
    );
    app.post('/form', (request, reply) => {
      try {
        requireSameOriginPost(request, origin);
        return { fields: Object.fromEntries(readForm(request.body)) };
      } catch (error) {
        return sendErrorPage(error, request, reply, { logger });
      }
    });
    app.get<{ Querystring: { kind: string } }>('/error', (request, reply) => {
      const { kind } = request.query;
      const error =
        kind === 'bug'
          ? new Error('the secret is 42')
          : new CodedError({
              code: 'a_code',
              category: kind === 'who' ? 'unauthenticated' : kind === 'down' ? 'unavailable' : 'forbidden',
              detail: 'Not <you>.',
              internal: 'the secret is 42',
            });
      return sendErrorPage(error, request, reply, { logger });
    });
  });
  afterAll(() => app.close());

  it('are sent with headers that block outside content and framing', async () => {
    const { headers } = await app.inject('/plain');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  it('may allow a form to lead to named origins, and keep browsers on https', async () => {
    const { headers } = await app.inject('/secure');
    expect(headers['strict-transport-security']).toBe('max-age=63072000');
    expect(headers['content-security-policy']).toContain(
      "; form-action 'self' https://client.example com.example.app:; ",
    );
  });

  it('name the stylesheet by its content, and let it be cached', async () => {
    const { body } = await app.inject('/plain');
    const address = /rel="stylesheet" href="([^"]+)"/.exec(body)?.[1] ?? '';
    const sheet = await app.inject(address);
    expect(sheet.statusCode).toBe(200);
    expect(sheet.headers).toMatchObject({
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(sheet.body).toContain('prefers-color-scheme: dark');
    expect(sheet.body).not.toMatch(/url\(|@import/);
    const icon = await app.inject(/rel="icon" href="([^"]+)"/.exec(body)?.[1] ?? '');
    expect([icon.statusCode, icon.headers['content-type']]).toEqual([200, 'image/svg+xml']);
    expect(icon.headers['content-security-policy']).toBe("default-src 'none'");
  });

  it('run scripts of our own origin on request, named by their content', async () => {
    const { headers, body } = await app.inject('/script');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    const paths = [...body.matchAll(/<script src="([^"]+)" defer><\/script>/g)].map(([, path]) => path ?? '');
    expect(paths).toHaveLength(3);
    expect(paths[2]).toBe('/assets/other.js?v=1');
    let bytes = 0;
    for (const path of paths.slice(0, 2)) {
      const script = await app.inject(path);
      expect(script.statusCode).toBe(200);
      expect(script.headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      });
      bytes += script.body.length;
    }
    expect(bytes).toBeLessThan(30_000);
  });

  it.each([
    ['what', 403, 'a_code'],
    ['who', 403, 'a_code'],
    ['down', 503, 'a_code'],
    ['bug', 500, 'internal_error'],
  ])('show an error (%s) with its code and without internal details', async (kind, status, code) => {
    const answer = await app.inject(`/error?kind=${kind}`);
    expect(answer.statusCode).toBe(status);
    expect(answer.body).toContain(`<code>${code}</code>`);
    expect(answer.body).not.toContain('42');
    if (kind !== 'bug') expect(answer.body).toContain('Not &lt;you&gt;.');
  });

  const send = (payload: string, headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' }) =>
    app.inject({
      method: 'POST',
      url: '/form',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload,
    });

  it('read their own forms', async () => {
    expect((await send('a=1&b=%26+%C3%A4&__proto__=x')).json()).toEqual({
      fields: Object.fromEntries([
        ['a', '1'],
        ['b', '& ä'],
        ['__proto__', 'x'],
      ]),
    });
  });

  it.each([
    ['a field given twice', 'a=1&a=2'],
    ['too many fields', Array.from({ length: 65 }, (_, index) => `f${index}`).join('&')],
    ['too much text', `a=${'x'.repeat(16_384)}`],
  ])('refuse a form with %s', async (_what, payload) => {
    const answer = await send(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('form_malformed');
  });

  it('refuse a body that is not a form', async () => {
    const answer = await send('{"a":1}', { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' });
    expect(answer.body).toContain('form_malformed');
  });

  it.each<[string, Record<string, string>]>([
    ['a page of ours', { 'sec-fetch-site': 'same-origin' }],
    ['a page of ours without a referrer', { 'sec-fetch-site': 'same-origin', origin: 'null' }],
    ['a page of ours, with its origin', { 'sec-fetch-site': 'same-origin', origin }],
    ['a page of ours in an older browser', { origin }],
  ])('accept a form from %s', async (_where, headers) => {
    expect((await send('a=1', headers)).statusCode).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site', origin }],
    ['another host of our site', { 'sec-fetch-site': 'same-site' }],
    ['no page', { 'sec-fetch-site': 'none' }],
    ['another origin', { 'sec-fetch-site': 'same-origin', origin: 'https://id.example.evil.example' }],
    ['our host without encryption', { origin: 'http://id.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['a program that says nothing', {}],
  ])('refuse a form from %s', async (_where, headers) => {
    const answer = await send('a=1', headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.body).toContain('csrf_token_invalid');
  });
});

describe('tokens of forms', () => {
  it('are 256 random bits, of which only the hash is stored', () => {
    const { token, hash } = createCsrfToken(systemRandom);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(matchesCsrfToken(token, hash)).toBe(true);
    expect(Buffer.from(hash).toString('base64url')).not.toBe(token);
    expect(createCsrfToken(systemRandom).token).not.toBe(token);
    expect(csrfField(token).toString()).toBe(`<input type="hidden" name="csrf" value="${token}">`);
  });

  it('match nothing else', () => {
    const { token, hash } = createCsrfToken(systemRandom);
    for (const other of [undefined, '', token.slice(1), `${token}=`, token.toLowerCase(), 'x'.repeat(1_000_000)])
      expect(matchesCsrfToken(other, hash)).toBe(false);
    expect(matchesCsrfToken(token, new Uint8Array())).toBe(false);
  });

  it('stay the same for a browser, and differ for each form and each browser', () => {
    const mine = csrfTokenOf('secret', 'a');
    expect(csrfTokenOf('secret', 'a')).toEqual(mine);
    expect(matchesCsrfToken(csrfTokenOf('secret', 'b').token, mine.hash)).toBe(false);
    expect(matchesCsrfToken(csrfTokenOf('other', 'a').token, mine.hash)).toBe(false);
  });
});

describe('the language of a page', () => {
  const catalogues = { en: { hello: 'Hello' }, de: { hello: 'Guten Tag' } };
  const choose = (header?: string) => chooseTexts({ headers: { 'accept-language': header } }, catalogues);

  it.each([
    [undefined, 'en'],
    ['de', 'de'],
    ['de-CH, en;q=0.9', 'de'],
    ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7', 'en'],
    ['en;q=0.5, DE;q=0.8', 'de'],
    ['de;q=0, *', 'en'],
    ['fr', 'en'],
    ['__proto__, constructor', 'en'],
    ['de;q=9', 'en'],
    [`${'x,'.repeat(600)}de`, 'en'],
  ])('requested by a browser as %j is %s', (header, lang) => {
    expect(choose(header)).toEqual({ lang, texts: lang === 'de' ? catalogues.de : catalogues.en });
  });

  it('reaches the text that every page has', () => {
    expect(page({ title: 'T', body: html`<h1>T</h1>`, lang: 'de' }).toString()).toContain('Zum Inhalt springen');
    expect(ceremonyFields('de').toString()).toContain('JavaScript für diese Adresse');
  });
});

describe('a page that asks an authenticator', () => {
  const options = { challenge: 'abc', note: `"'><script>` };

  it('puts the request into the form as text', () => {
    const form = html`<form${ceremonyAttributes('get', options)}>${ceremonyFields()}<button${ceremonyButton({ handle: 'h', options })}></button></form>`;
    expect(form.toString()).not.toContain('<script');
    expect(form.toString()).toContain('data-webauthn="get" data-options="{&quot;challenge&quot;:&quot;abc&quot;');
    expect(form.toString()).toContain('<input type="hidden" name="credential" value="">');
  });

  it('has no script unless an authenticator is requested', () => {
    expect(page({ title: 'T', body: html`<h1>T</h1>` }).toString()).not.toContain('<script');
  });
});
