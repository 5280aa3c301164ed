import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { membersOf } from '@countersign/kernel';
import { createClient, generateSigningKey, importSigningKey, tokenInDevelopment } from '@countersign/sdk';
import { components, findComponent } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    writeFileSync(path('root.pem'), await acceptAuthority(controlPlane, 'workload'));
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
