import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frontPageRedirect, frontPageRoutes } from './http.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const issuer = 'https://id.example';
const operator = { lei: '529900T8BM49AURSDO55', name: 'Example <Operator>', country: 'DE', jwks: { keys: [] } };

describe('GET /', () => {
  let app: ReturnType<typeof createHttpServer>;
  beforeEach(() => {
    app = createHttpServer({ logger, metrics: createMetrics() });
  });
  afterEach(() => app.close());
  const production = () =>
    frontPageRoutes(app, {
      configuration: { environment: 'production', issuer, operator },
      tryOutPath: undefined,
      evidencePath: undefined,
    });

  it.each([undefined, '*/*', 'application/json', 'text/html;q=0, application/json', 'application/problem+json'])(
    'answers a program that accepts %s with a code and the location of the API description',
    async (accept) => {
      production();
      const answer = await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } });
      expect(answer.statusCode).toBe(404);
      expect(answer.headers).toMatchObject({
        'content-type': expect.stringContaining('application/problem+json'),
        vary: 'Accept, Accept-Language',
      });
      expect(answer.json()).toMatchObject({
        code: 'route_not_found',
        facts: {
          links: {
            openapi: `${issuer}/openapi.json`,
            authorizationServer: `${issuer}/.well-known/oauth-authorization-server`,
          },
        },
      });
    },
  );

  it('answers a browser with a page under the strict policy that lists what is available, and no version', async () => {
    production();
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const answer = await app.inject({ url: '/', headers: { accept } });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^default-src 'none'; style-src 'self'/),
      'strict-transport-security': 'max-age=63072000',
      'cache-control': 'no-store',
      vary: 'Accept, Accept-Language',
    });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.body).toContain('Example &lt;Operator&gt;');
    // Only if they are served.
    for (const absent of ['href="/try"', 'href="/verify"', 'Development', '0.1.0'])
      expect(answer.body).not.toContain(absent);
  });

  it('links from the address for certificates to the main one', async () => {
    frontPageRedirect(app, { issuer });
    const answer = await app.inject({ url: '/' });
    expect([answer.statusCode, answer.headers.location]).toEqual([303, `${issuer}/`]);
  });
});
