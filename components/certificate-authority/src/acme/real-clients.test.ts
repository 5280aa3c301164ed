import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Component, components, findComponent } from '@countersign/testkit';
import { decodePem, readX509Certificate } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AcmeWorld, createAcmeWorld } from './testing/acme-world.ts';

// Unmodified clients that firms already run: each opens an account by its enrolment, obtains a certificate and renews
// it.

const run = promisify(execFile);
const host = 'gw.bank.example';
const time = { timeout: 120_000 };

let acme: AcmeWorld;
const folder = mkdtempSync(join(tmpdir(), 'acme-clients-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
beforeAll(async () => {
  acme = await createAcmeWorld();
});
afterAll(async () => {
  await acme.close();
  rmSync(folder, { recursive: true });
});

/** The leaf in a PEM file: its names, and the serial number under which we recorded it. */
async function issuedIn(file: string) {
  const [first = ''] = readFileSync(file, 'utf8').split(/(?<=-----END CERTIFICATE-----)/);
  const der = decodePem(first, 'CERTIFICATE') ?? new Uint8Array();
  const serial = Buffer.from(readX509Certificate(der).serial).toString('hex');
  const found = await acme.ca.find(serial);
  expect(Buffer.from(found?.certificate ?? []).equals(Buffer.from(der))).toBe(true);
  expect(found).toMatchObject({ profile: 'gateway', holder: 'service:gateway', status: 'valid' });
  return { serial };
}

function withClient(component: Component, issuesAndRenews: (path: string) => Promise<readonly [string, string]>): void {
  const found = findComponent(component);
  it.skipIf(!found.found)(
    `${component.name} issues and renews${found.found ? '' : ` (skipped: ${found.reason})`}`,
    time,
    async () => {
      const [first, second] = await issuesAndRenews(found.found ? found.path : '');
      expect(second).not.toBe(first);
      const issued = acme.world.issuedToOthers().map(({ subject }) => subject);
      expect(issued.slice(-2)).toEqual([
        { id: 'service:gateway', institution: expect.any(String) },
        { id: 'service:gateway', institution: expect.any(String) },
      ]);
    },
  );
}

describe('unmodified ACME clients', () => {
  withClient(components.certbot, async (certbot) => {
    const { directory, id, secret } = await acme.enrol();
    const folders = ['config', 'work', 'logs'].flatMap((name) => [`--${name}-dir`, at('certbot', name)]);
    await run(certbot, [
      ...['certonly', '--standalone', '--non-interactive', '--agree-tos', '--register-unsafely-without-email'],
      ...['--server', directory, '--eab-kid', id, '--eab-hmac-key', secret, '-d', host, ...folders],
    ]);
    const file = at('certbot', 'config', 'live', host, 'fullchain.pem');
    const { serial } = await issuedIn(file);
    await run(certbot, ['renew', '--force-renewal', '--no-random-sleep-on-renew', ...folders]);
    return [serial, (await issuedIn(file)).serial];
  });

  withClient(components.lego, async (lego) => {
    const { directory, id, secret } = await acme.enrol();
    const options = [
      ...['--server', directory, '--email', 'gateway@bank.example', '--domains', host, '--accept-tos'],
      ...['--eab', '--kid', id, '--hmac', secret, '--http', '--http.port', 'localhost:0', '--path', at('lego')],
    ];
    await run(lego, [...options, 'run']);
    const file = at('lego', 'certificates', `${host}.crt`);
    const { serial } = await issuedIn(file);
    await run(lego, [...options, 'renew', '--days', '90', '--no-random-sleep']);
    return [serial, (await issuedIn(file)).serial];
  });

  withClient(components.dehydrated, async (dehydrated) => {
    const { directory, id, secret } = await acme.enrol();
    const base = at('dehydrated');
    mkdirSync(join(base, 'well-known'), { recursive: true });
    const config = join(base, 'config');
    writeFileSync(
      config,
      [
        ...[`BASEDIR=${base}`, `WELLKNOWN=${base}/well-known`, `CA="${directory}"`, 'KEY_ALGO=prime256v1'],
        ...[`EAB_KID=${id}`, `EAB_HMAC_KEY=${secret}`, ''],
      ].join('\n'),
    );
    await run(dehydrated, ['--config', config, '--register', '--accept-terms']);
    const issue = ['--config', config, '--cron', '--domain', host, '--force'];
    await run(dehydrated, issue);
    const file = join(base, 'certs', host, 'fullchain.pem');
    const { serial } = await issuedIn(file);
    await run(dehydrated, issue);
    return [serial, (await issuedIn(file)).serial];
  });

  withClient(components.uacme, async (uacme) => {
    const { directory, id, secret } = await acme.enrol();
    const base = at('uacme');
    mkdirSync(base);
    const options = ['-v', '-a', directory, '-c', base, '-t', 'EC'];
    await run(uacme, [...options, '-e', `${id}:${secret}`, '-y', 'new']);
    await run(uacme, [...options, 'issue', host]);
    const file = join(base, host, 'cert.pem');
    expect(readdirSync(join(base, host))).toContain('cert.pem');
    const { serial } = await issuedIn(file);
    await run(uacme, [...options, '-f', 'issue', host]);
    return [serial, (await issuedIn(file)).serial];
  });
});
