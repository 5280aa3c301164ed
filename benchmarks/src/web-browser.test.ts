import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Connection, openConnection } from './http-connection.ts';
import { closeServer, listenOnLoopback } from './servers/loopback.ts';
import { readForm, submit, visit, type WebBrowser } from './web-browser.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function site(listener: RequestListener): Promise<{ url: string; connection: Connection; browser: WebBrowser }> {
  const server = createServer(listener);
  const url = await listenOnLoopback(server);
  const connection = await openConnection('it', url);
  stops.push(async () => {
    connection.close();
    await closeServer(server);
  });
  return { url, connection, browser: { cookies: new Map() } };
}

const page =
  '<form method="post" action="/decide"><input type="hidden" name="csrf" value="a-b_c"><button name="decision" value="allow">Allow</button></form>';

describe('the browser of the benchmark', () => {
  it('keeps cookies, follows redirects on the same site, and stops before another site', async () => {
    const { url, connection, browser } = await site((request, response) => {
      if (request.url === '/a')
        return response
          .writeHead(303, { location: '/b', 'set-cookie': ['s=1; Path=/', 't=2'], 'content-length': 0 })
          .end();
      if (request.url === '/b')
        return response
          .writeHead(200, { 'set-cookie': 't=; Max-Age=0', 'content-length': 3 })
          .end(request.headers.cookie?.slice(0, 3));
      return response.writeHead(303, { location: 'https://desk.example/callback?code=x', 'content-length': 0 }).end();
    });
    const arrived = await visit(`${url}/a`, browser, connection, 'it');
    expect(arrived).toEqual({ kind: 'page', url: `${url}/b`, body: 's=1' });
    expect([...browser.cookies]).toEqual([['s', '1']]);
    const left = await visit(`${url}/c`, browser, connection, 'it');
    expect(left.kind === 'left' && left.location.searchParams.get('code')).toBe('x');
  });

  it('submits a form with its hidden fields, from the same site', async () => {
    const seen: string[] = [];
    const { url, connection, browser } = await site((request, response) => {
      if (request.method === 'GET') return response.writeHead(200, { 'content-length': page.length }).end(page);
      request.on('data', (chunk: Buffer) => seen.push(String(request.headers['sec-fetch-site']), chunk.toString()));
      return request.on('end', () => response.writeHead(200, { 'content-length': 0 }).end());
    });
    const shown = await visit(url, browser, connection, 'it');
    if (shown.kind !== 'page') throw new Error('no page');
    await submit(shown, { decision: 'allow' }, browser, connection, 'it');
    expect(seen).toEqual(['same-origin', 'csrf=a-b_c&decision=allow']);
  });

  it('stops at an error page with its message, and in a redirect loop', async () => {
    const refusal = '<h1>Not   now</h1><p>log_unavailable</p>';
    const { url, connection, browser } = await site((request, response) =>
      request.url === '/ring'
        ? response.writeHead(303, { location: '/ring', 'content-length': 0 }).end()
        : response.writeHead(503, { 'content-length': refusal.length }).end(refusal),
    );
    await expect(visit(`${url}/x`, browser, connection, 'it')).rejects.toThrow(
      '503, which is neither a page nor a way on: Not now log_unavailable',
    );
    await expect(visit(`${url}/ring`, browser, connection, 'it')).rejects.toThrow('303');
  });

  it('finds the posted form, and knows its fields', () => {
    const search = '<form method="get" action="/find"><input name="find"></form>';
    expect(readForm(search + page)).toEqual({ action: '/decide', fields: { csrf: 'a-b_c' }, inputs: ['decision'] });
    expect(() => readForm(search)).toThrow('without a form');
  });
});
