import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { membersOf } from '@countersign/kernel';
import { createClient, generateSigningKey, importSigningKey, tokenInDevelopment } from '@countersign/sdk';
import { type Component, components, findComponent, freePort } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { acceptAuthority } from './testing/accept-authority.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { proofOf } from './testing/credentials.ts';
import { createCertificates, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// EST with the programs that an operator has: curl and OpenSSL. They know nothing of us.

const needed = [findComponent(components.curl), findComponent(components.openssl)];
const missing = needed.flatMap((each) => (each.found ? [] : [each.reason]));
const run = promisify(execFile);

describe.skipIf(missing.length > 0)(`enrolment by curl ${missing.join('; ')}`.trim(), () => {
  const folder = scratchFolder();
  const site = scratchFolder();
  const certificates = createCertificates();
  let controlPlane: RunningControlPlane;
  let mutualTls: string;
  const path = (name: string) => join(site.path, name);
  const openssl = async (...args: readonly string[]) => (await run('openssl', args)).stdout;

  beforeAll(async () => {
    const configuration = await withMutualTls(await configurationIn(folder.path), certificates);
    mutualTls = configuration.mutualTls?.baseUrl ?? '';
    controlPlane = await runControlPlane(configuration);
    const { root, list } = await acceptAuthority(controlPlane, 'workload');
    writeFileSync(path('root.pem'), root);
    writeFileSync(path('root-list.pem'), list);
    writeFileSync(path('server-ca.pem'), certificates.authority.certificatePem);
  });
  afterAll(async () => {
    await controlPlane?.stop();
    folder.remove();
    site.remove();
  });

  /** A key and a request, as base64 without PEM lines. */
  async function makeRequest(name: string, ...args: readonly string[]): Promise<void> {
    await openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-outform', 'DER'],
      ...['-keyout', path(`${name}.key`), '-out', path(`${name}.der`), ...args],
    );
    await openssl('base64', '-in', path(`${name}.der`), '-out', path(`${name}.b64`));
  }

  interface Answer {
    readonly status: number;
    readonly type: string;
    readonly body: string;
  }

  async function curl(url: string, ...args: readonly string[]): Promise<Answer> {
    const { stdout } = await run('curl', [
      '-s',
      '--cacert',
      path('server-ca.pem'),
      ...args,
      '-w',
      '\n%{http_code} %{content_type}',
      url,
    ]);
    const end = stdout.lastIndexOf('\n');
    const [status = '', ...type] = stdout.slice(end + 1).split(' ');
    return { status: Number(status), type: type.join(' '), body: stdout.slice(0, end) };
  }
  const sending = (name: string) => [
    '-H',
    'Content-Type: application/pkcs10',
    '--data-binary',
    `@${path(`${name}.b64`)}`,
  ];
  const showing = (name: string) => ['--cert', path(`${name}.pem`), '--key', path(`${name}.key`)];

  /** The headers of a token for one request. */
  async function tokenFor(url: string, scope = 'certificate:issue'): Promise<readonly string[]> {
    const { issuer } = controlPlane;
    const proofKey = generateSigningKey();
    const key = importSigningKey(JSON.parse(readFileSync(join(folder.path, 'operator.jwk'), 'utf8')));
    const own = { issuer, clientId: 'countersign-cli', key };
    const client = createClient({ ...own, proofKey });
    const { accessToken } = await tokenInDevelopment(client, own, { resource: `${issuer}/certificates`, scope });
    const proof = await proofOf(proofKey, { method: 'POST', url, accessToken });
    return ['-H', `Authorization: DPoP ${accessToken}`, '-H', `DPoP: ${proof}`];
  }

  async function certificatesIn(name: string, body: string): Promise<string> {
    writeFileSync(path('answer.b64'), `${body}\n`);
    await openssl('base64', '-d', '-in', path('answer.b64'), '-out', path('answer.p7'));
    const pem = await openssl('pkcs7', '-inform', 'DER', '-in', path('answer.p7'), '-print_certs');
    writeFileSync(path(`${name}.pem`), pem);
    return pem;
  }

  const est = (operation: string, profile = 'risk-service') => `/.well-known/est/${profile}/${operation}`;

  it('gets the authorities, enrols with a token, and renews with the certificate alone', async () => {
    const authorities = await curl(`${mutualTls}${est('cacerts')}`);
    expect(authorities).toMatchObject({ status: 200, type: 'application/pkcs7-mime; smime-type=certs-only' });
    expect((await certificatesIn('authorities', authorities.body)).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);

    await makeRequest(
      'first',
      '-subj',
      '/CN=anything',
      '-addext',
      'subjectAltName=URI:spiffe://localhost/service/countersign-cli',
    );
    const url = `${mutualTls}${est('simpleenroll')}`;
    const first = await curl(url, ...(await tokenFor(url)), ...sending('first'));
    expect(first).toMatchObject({ status: 200, type: 'application/pkcs7-mime; smime-type=certs-only' });
    await certificatesIn('first', first.body);
    const policy = '1.2.840.113556.1.8000.2554.63629.32292.40421.17976.40884.11252332.3655321.1.2';
    expect(
      await openssl(
        ...['verify', '-policy_check', '-explicit_policy', '-policy', policy, '-CAfile', path('root.pem')],
        ...['-untrusted', path('authorities.pem'), path('first.pem')],
      ),
    ).toContain('OK');

    const attributes = await curl(`${mutualTls}${est('csrattrs')}`, ...showing('first'));
    expect(attributes).toMatchObject({ status: 200, type: 'application/csrattrs' });
    const wanted = Buffer.from(attributes.body, 'base64').toString('latin1');
    expect(wanted).toContain('spiffe://localhost/service/countersign-cli');

    // The successor has the subject and the names of the certificate, on a new key.
    await makeRequest('plain', '-subj', '/CN=anything');
    await openssl(
      'x509',
      '-x509toreq',
      '-in',
      path('first.pem'),
      '-signkey',
      path('first.key'),
      '-copy_extensions',
      'copyall',
      '-out',
      path('renewal.pem'),
    );
    await openssl('req', '-in', path('renewal.pem'), '-outform', 'DER', '-out', path('renewal.der'));
    await openssl('base64', '-in', path('renewal.der'), '-out', path('renewal.b64'));
    const again = `${mutualTls}${est('simplereenroll')}`;
    const renewed = await curl(again, ...showing('first'), ...sending('renewal'));
    expect(renewed).toMatchObject({ status: 200 });
    expect(await certificatesIn('renewed', renewed.body)).not.toBe(readFileSync(path('first.pem'), 'utf8'));

    const [issued, successor] = (await controlPlane.operator.records({ type: 'certificate.issued' })).filter(
      ({ data }) => membersOf(data)?.['profile'] === 'risk-service',
    );
    const stateIn = (record: typeof issued) => membersOf(membersOf(record?.data)?.['after']);
    expect(successor?.subject?.id).toBe('service:countersign-cli');
    expect(stateIn(successor)?.['predecessor']).toBe(stateIn(issued)?.['serial']);

    // Other names are another identity; the refusal is in the log.
    const other = await curl(again, ...showing('first'), ...sending('plain'));
    expect(other).toMatchObject({ status: 403 });
    expect(JSON.parse(other.body)).toMatchObject({ code: 'certificate_request_refused' });
    expect(await controlPlane.operator.records({ type: 'certificate.denied' })).toMatchObject([
      { subject: { id: 'service:countersign-cli' }, reason: 'certificate_request_refused' },
    ]);
  });

  describe('a certificate for a host', () => {
    const policy = '1.2.840.113556.1.8000.2554.63629.32292.40421.17976.40884.11252332.3655321.1.3';
    /** What OpenSSL prints, whether or not it succeeds. */
    const saidBy = async (...args: readonly string[]): Promise<string> => {
      const running = run('openssl', args);
      // `s_client` ends with its input.
      running.child.stdin?.end();
      const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error);
      return stdout + stderr;
    };
    const responder = () => `${controlPlane.issuer}/pki/ocsp`;
    const askStatus = () =>
      saidBy(
        ...['ocsp', '-issuer', path('issuing.pem'), '-cert', path('gateway.pem'), '-url', responder()],
        ...['-CAfile', path('root.pem'), '-respout', path('bundle.pem.ocsp')],
      );
    /** The list at the address in the certificate, with which OpenSSL judges the certificate. */
    async function verifyByList(): Promise<string> {
      const { stdout } = await run('openssl', [
        'x509',
        '-in',
        path('gateway.pem'),
        '-noout',
        '-ext',
        'crlDistributionPoints',
      ]);
      const { 0: url = '' } = /http\S+/.exec(stdout) ?? [];
      writeFileSync(path('list.der'), Buffer.from(await (await fetch(url)).arrayBuffer()));
      await openssl('crl', '-inform', 'DER', '-in', path('list.der'), '-out', path('list.pem'));
      return saidBy(
        ...[
          'verify',
          '-crl_check',
          '-policy_check',
          '-explicit_policy',
          '-policy',
          policy,
          '-CAfile',
          path('root.pem'),
        ],
        ...['-CRLfile', path('list.pem'), '-untrusted', path('issuing.pem'), path('gateway.pem')],
      );
    }
    /** What a client that asks for a stapled status sees. */
    const handshake = (port: number) =>
      saidBy(
        ...['s_client', '-connect', `localhost:${port}`, '-servername', 'localhost', '-status', '-verify_return_error'],
        ...['-CAfile', path('root.pem'), '-verify_hostname', 'localhost'],
      );
    const stapled = expect.stringMatching(
      /OCSP Response Status: successful[\s\S]*Cert Status: good[\s\S]*Verify return code: 0 \(ok\)/,
    );

    async function serve(component: Component, args: readonly string[], work: () => Promise<void>) {
      const found = findComponent(component);
      if (!found.found) throw new Error(found.reason);
      const child = spawn(found.path, args, { cwd: site.path, stdio: 'ignore' });
      const ended = once(child, 'exit');
      try {
        await work();
      } finally {
        child.kill('SIGTERM');
        await ended;
      }
    }

    beforeAll(async () => {
      await certificatesIn('authorities', (await curl(`${mutualTls}${est('cacerts', 'gateway')}`)).body);
      const [, issuing = ''] =
        readFileSync(path('authorities.pem'), 'utf8').match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
      writeFileSync(path('issuing.pem'), `${issuing}\n`);
      await makeRequest(
        'gateway',
        ...['-subj', '/CN=localhost', '-addext'],
        'subjectAltName=URI:spiffe://localhost/service/countersign-cli,DNS:localhost',
      );
      const url = `${mutualTls}${est('simpleenroll', 'gateway')}`;
      const issued = await curl(url, ...(await tokenFor(url)), ...sending('gateway'));
      expect(issued.status).toBe(200);
      await certificatesIn('gateway', issued.body);
      const chain = `${readFileSync(path('gateway.pem'), 'utf8')}\n${issuing}\n`;
      writeFileSync(path('chain.pem'), chain);
      writeFileSync(path('bundle.pem'), `${chain}${readFileSync(path('gateway.key'), 'utf8')}`);
    });

    it('is good by OCSP and by its list, for OpenSSL', async () => {
      expect(await askStatus()).toMatch(/gateway\.pem: good[\s\S]*Response verify OK/);
      expect(await verifyByList()).toContain('gateway.pem: OK');
    });

    /** The list of the issuing authority and that of the root: these servers want one at every level. */
    async function fetchLists(): Promise<void> {
      await verifyByList();
      writeFileSync(
        path('lists.pem'),
        readFileSync(path('list.pem'), 'utf8') + readFileSync(path('root-list.pem'), 'utf8'),
      );
    }
    const servers = {
      haproxy: (port: number) => {
        writeFileSync(
          path('haproxy.cfg'),
          `defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\nfrontend web\n` +
            `  bind 127.0.0.1:${port} ssl crt ${path('bundle.pem')} ca-file ${path('root.pem')} crl-file ${path('lists.pem')} verify optional\n` +
            `  http-request return status 204\n`,
        );
        return ['-db', '-f', path('haproxy.cfg')];
      },
      nginx: (port: number) => {
        writeFileSync(
          path('nginx.conf'),
          `daemon off; master_process off; pid ${path('nginx.pid')}; error_log ${path('nginx.log')};
          events { worker_connections 64; }
          http {
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {
              listen 127.0.0.1:${port} ssl;
              ssl_certificate ${path('chain.pem')}; ssl_certificate_key ${path('gateway.key')};
              ssl_stapling on; ssl_stapling_verify on; ssl_stapling_responder http://127.0.0.1:${new URL(responder()).port}/pki/ocsp;
              ssl_trusted_certificate ${path('root.pem')};
              ssl_verify_client optional; ssl_verify_depth 2; ssl_client_certificate ${path('root.pem')}; ssl_crl ${path('lists.pem')};
              location / { return 204; }
            }
          }`,
        );
        return ['-p', site.path, '-c', path('nginx.conf'), '-e', path('nginx.log')];
      },
    } as const;
    const shown = (port: number) =>
      curl(
        `https://localhost:${port}/`,
        '--cacert',
        path('root.pem'),
        '--cert',
        path('chain.pem'),
        '--key',
        path('gateway.key'),
      )
        .then(({ status }) => status)
        // HAProxy ends the handshake.
        .catch(() => 'refused');

    for (const name of ['haproxy', 'nginx'] as const) {
      const found = findComponent(components[name]);
      it.skipIf(!found.found)(
        `is served by ${name} with its status, and accepted from a client${found.found ? '' : ` (skipped: ${found.reason})`}`,
        async () => {
          // HAProxy finds the status beside the certificate; nginx asks the responder after the first handshake.
          await askStatus();
          await fetchLists();
          const port = await freePort();
          await serve(components[name], servers[name](port), async () => {
            await vi.waitFor(async () => expect(await handshake(port)).toEqual(stapled), {
              timeout: 60_000,
              interval: 200,
            });
            expect(await shown(port)).toBe(204);
          });
        },
      );
    }

    it('is refused by OpenSSL, haproxy and nginx once it is revoked', async () => {
      const serial =
        /serial=(\w+)/.exec(await openssl('x509', '-in', path('gateway.pem'), '-noout', '-serial'))?.[1] ?? '';
      await controlPlane.operator.call('certificates', 'certificate:revoke', {
        method: 'POST',
        path: `/certificates/${serial.toLowerCase().padStart(32, '0')}/revoke`,
        body: { reason: 'keyCompromise' },
      });
      expect(await askStatus()).toMatch(/gateway\.pem: revoked[\s\S]*Reason: keyCompromise/);
      await vi.waitFor(async () => expect(await verifyByList()).toContain('certificate revoked'), { timeout: 60_000 });
      await fetchLists();
      for (const name of ['haproxy', 'nginx'] as const) {
        if (!findComponent(components[name]).found) continue;
        const port = await freePort();
        await serve(components[name], servers[name](port), async () => {
          await vi.waitFor(async () => expect(await handshake(port)).toContain('Verify return code: 0'), {
            timeout: 60_000,
            interval: 200,
          });
          expect(await shown(port)).toBe(name === 'nginx' ? 400 : 'refused');
        });
      }
    });
  });

  it('does not enrol without a token, and does not renew without a certificate of ours', async () => {
    await makeRequest('stranger', '-subj', '/CN=stranger');
    expect((await curl(`${mutualTls}${est('simpleenroll')}`, ...sending('stranger'))).status).toBe(401);
    expect((await curl(`${mutualTls}${est('simplereenroll')}`, ...sending('stranger'))).status).toBe(404);
    writeFileSync(path('stranger.pem'), certificates.selfSigned.certificatePem);
    writeFileSync(path('stranger.key'), certificates.selfSigned.privateKeyPem);
    const answer = await curl(`${mutualTls}${est('simplereenroll')}`, ...showing('stranger'), ...sending('stranger'));
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'certificate_unknown' });
    expect((await curl(`${mutualTls}${est('cacerts', 'nothing')}`)).status).toBe(404);
  });
});
