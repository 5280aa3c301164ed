import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { components, createTestAuthority, findComponent } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, createMetrics } from '../observability/index.ts';
import { byteSequence, freePort, send } from '../testing/tls-peers.ts';
import { presentedCertificateOf } from './client-certificate.ts';
import { createHttpServer } from './server.ts';

const nginx = findComponent(components.nginx);
const authority = createTestAuthority({ name: 'authority' });
const server = authority.issue({ subject: 'CN=localhost', sans: { dns: ['localhost'], ip: ['127.0.0.1'] } });
const proxy = authority.issue({ subject: 'CN=nginx' });
const client = authority.issue({ subject: 'CN=client' });
const trusted = { ca: authority.certificatePem };

/** nginx cannot write a structured field, so it removes its clients' headers and forwards no certificate. */
function configuration(port: number, upstream: number, stripping: string): string {
  return `
    daemon off; master_process off; pid nginx.pid; error_log stderr crit;
    events { worker_connections 64; }
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate server.pem; ssl_certificate_key server.key;
        ssl_verify_client optional_no_ca;
        location / {
          proxy_pass https://127.0.0.1:${upstream};
          proxy_ssl_certificate proxy.pem; proxy_ssl_certificate_key proxy.key;
          proxy_ssl_protocols TLSv1.2 TLSv1.3;
          proxy_ssl_verify on; proxy_ssl_trusted_certificate authority.pem; proxy_ssl_name localhost;
          ${stripping}
        }
      }
    }`;
}

async function startNginx(path: string, folder: string, text: string, port: number): Promise<() => Promise<void>> {
  writeFileSync(join(folder, 'nginx.conf'), text);
  const child = spawn(path, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, 'exit');
  for (let attempt = 0; ; attempt++) {
    const answers = await send(`https://127.0.0.1:${port}/`, trusted).catch(() => undefined);
    if (answers !== undefined) break;
    if (child.exitCode !== null || attempt === 100) throw new Error(`nginx did not start: ${said}`);
    await sleep(50);
  }
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

describe.skipIf(!nginx.found)(`behind the real nginx${nginx.found ? '' : ` (skipped: ${nginx.reason})`}`, () => {
  let app: FastifyInstance;
  let folder: string;
  let upstream: number;

  beforeAll(async () => {
    app = createHttpServer({
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
      tls: {
        certificate: server.certificatePem,
        key: server.privateKeyPem,
        clientCertificates: { authorities: authority.certificatePem, proxies: [proxy.thumbprint] },
      },
    });
    app.get('/', async (request) => ({ shown: presentedCertificateOf(request) !== undefined }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    upstream = address.port;
    folder = mkdtempSync(join(tmpdir(), 'nginx-'));
    // Started as root, its worker may run under another account.
    chmodSync(folder, 0o711);
    for (const [name, content] of [
      ['server.pem', server.certificatePem],
      ['server.key', server.privateKeyPem],
      ['proxy.pem', proxy.certificatePem],
      ['proxy.key', proxy.privateKeyPem],
      ['authority.pem', authority.certificatePem],
    ] as const)
      writeFileSync(join(folder, name), content);
  });
  afterAll(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function through(stripping: string, ask: (url: string) => Promise<void>): Promise<void> {
    if (!nginx.found) throw new Error(nginx.reason);
    const port = await freePort();
    const stop = await startNginx(nginx.path, folder, configuration(port, upstream, stripping), port);
    try {
      await ask(`https://127.0.0.1:${port}/`);
    } finally {
      await stop();
    }
  }
  const forged = { 'client-cert': byteSequence(client.der) };

  it('a forged header is removed by the configuration of the README, and the certificate of nginx is not a client', async () => {
    await through('proxy_set_header Client-Cert ""; proxy_set_header Client-Cert-Chain "";', async (url) => {
      expect(await send(url, { ...trusted, headers: forged })).toMatchObject({ status: 200, body: { shown: false } });
      const known = { ...trusted, certificate: client, headers: forged };
      expect(await send(url, known)).toMatchObject({ status: 200, body: { shown: false } });
    });
  });

  it('nginx’s own certificate header is not a structured field and is refused', async () => {
    await through('proxy_set_header Client-Cert $ssl_client_escaped_cert;', async (url) => {
      expect(await send(url, { ...trusted, certificate: client })).toMatchObject({
        status: 400,
        body: { code: 'client_certificate_header_malformed' },
      });
    });
    await through('proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;', async (url) => {
      expect(await send(url, { ...trusted, certificate: client })).toMatchObject({
        status: 400,
        body: { code: 'client_certificate_header_untrusted' },
      });
    });
  });
});
