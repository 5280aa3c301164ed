import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { prepareDevelopment } from '@countersign/server';
import { createTestAuthority, freePort } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign, endAll, startServer } from './testing/command.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

const folder = scratchFolder();
const data = join(folder.path, 'data');
const file = (name: string): string => join(folder.path, name);
const authority = createTestAuthority({ name: 'Authority of our own' });
let url: string;

beforeAll(async () => {
  const { certificatePem, privateKeyPem } = authority.issue({ subject: 'CN=localhost', sans: { dns: ['localhost'] } });
  writeFileSync(file('server.pem'), certificatePem);
  writeFileSync(file('server.key'), privateKeyPem, { mode: 0o600 });
  writeFileSync(file('ca.pem'), authority.certificatePem);
  writeFileSync(file('other.pem'), createTestAuthority({ name: 'Somebody else' }).certificatePem);
  const port = await freePort();
  const { configurationFile } = prepareDevelopment({ dataFolder: data, port });
  const written = JSON.parse(readFileSync(configurationFile, 'utf8')) as { listen: object };
  url = `https://localhost:${port}`;
  const tls = { certificate: `file:${file('server.pem')}`, key: `file:${file('server.key')}` };
  const secured = { ...written, issuer: url, listen: { ...written.listen, tls } };
  writeFileSync(configurationFile, JSON.stringify(secured));
  await startServer(['--data', data]);
}, 60_000);
afterAll(async () => {
  await endAll();
  folder.remove();
});

describe('the command, with a control plane certified by a private authority', () => {
  it('says that the certificate is not trusted, and what to do', async () => {
    for (const trusted of [[], ['--ca', file('other.pem')]]) {
      const outcome = await countersign(['--data', data, ...trusted, 'client', 'list']);
      expect(outcome.stderr).toContain('server_certificate_untrusted');
      expect(outcome.stderr).toContain('--ca');
      expect(outcome.code).toBe(69);
    }
  });

  it('works with the authority’s certificate, in every mode', async () => {
    const trusting = ['--data', data, '--ca', file('ca.pem')];
    for (const words of [
      ['client', 'list'],
      ['log', 'verify'],
      ['directory', 'plan', file('directory.json')],
    ]) {
      writeFileSync(file('directory.json'), JSON.stringify({ institutions: [] }));
      const outcome = await countersign([...trusting, ...words]);
      expect(outcome.stderr, words.join(' ')).not.toMatch(/server_certificate_untrusted|unreachable|tls_failed/);
      expect([0, 3], outcome.stderr).toContain(outcome.code);
    }
  });

  it('says the same of a published log served with such a certificate', async () => {
    const answer = get(`${url}/.well-known/countersign`, { ca: authority.certificatePem });
    const [response] = (await once(answer, 'response')) as [IncomingMessage];
    const { log } = JSON.parse(Buffer.concat(await response.toArray()).toString('utf8')) as {
      readonly log: { readonly verifier_key: string };
    };
    const key = log.verifier_key;
    const words = ['log', 'mirror', '--from', `${url}/log`, '--log-key', key, '--folder', file('mirror')];
    const refused = await countersign(['--data', data, ...words]);
    expect(refused.stderr).toContain('server_certificate_untrusted');
    const done = await countersign(['--data', data, '--ca', file('ca.pem'), ...words, '--no-entries']);
    expect(done.stderr).not.toContain('server_certificate_untrusted');
    expect(done.code).toBe(0);
  });

  it('says when the other side does not speak TLS', async () => {
    const plain = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => plain.once('listening', resolve));
    const { port } = plain.address() as AddressInfo;
    const key = join(data, 'operator.jwk');
    const outcome = await countersign(['--url', `https://127.0.0.1:${port}`, '--key', key, 'client', 'list']);
    expect(outcome.stderr).toContain('tls_failed');
    plain.close();
  });

  it('refuses a file without certificates', async () => {
    const outcome = await countersign(['--data', data, '--ca', file('server.key'), 'client', 'list']);
    expect(outcome.stderr).toContain('authorities_unreadable');
    expect(outcome.code).toBe(1);
  });
});
