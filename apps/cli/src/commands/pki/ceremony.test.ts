import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Base64Url } from '@countersign/kernel';
import { buildCertificationRequest, encodeDirectoryName } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRoot, readWitnesses, signAuthority, signRootList } from './ceremony.ts';
import type { AuthorityRequestFile } from './ceremony-files.ts';

const persons = ['Olga Operator', 'Ari Approver'];
const passphrase = 'correct horse battery staple';
const now = Math.floor(Date.now() / 1_000) * 1_000;
let base: string;
let request: AuthorityRequestFile;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'ceremony-'));
  await createRoot({
    folder: join(base, 'root'),
    organization: 'Example Bank AG',
    persons,
    years: 10,
    passphrase,
    now,
  });
  request = await requestFile();
});
afterAll(() => rmSync(base, { recursive: true }));

async function requestFile(): Promise<AuthorityRequestFile> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const der = await buildCertificationRequest({
    subject: encodeDirectoryName([['commonName', 'Example Bank AG workload authority']]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    algorithm: 'ES256',
    sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  });
  return {
    class: 'workload',
    id: sha256Base64Url(new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }))),
    request: `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    name: 'Example Bank AG workload authority',
    uri_hosts: ['bank.example'],
    dns_names: ['bank.example'],
    policies: ['1.2.3.4'],
  };
}
const signed = (changes: Partial<Parameters<typeof signAuthority>[0]> = {}) =>
  signAuthority({ folder: join(base, 'root'), request, persons, years: 5, passphrase, now, ...changes });

describe('a key ceremony', () => {
  it('makes a root and an issuing authority that OpenSSL verifies, with exactly the requested constraints', async () => {
    const made = await signed();
    const write = (name: string, text: string) => {
      writeFileSync(join(base, name), text);
      return join(base, name);
    };
    const openssl = (...args: readonly string[]) => execFileSync('openssl', [...args], { encoding: 'utf8' });
    const authority = write('authority.pem', made.certificate);
    expect(openssl('verify', '-x509_strict', '-CAfile', write('anchor.pem', made.root), authority)).toContain('OK');
    const text = openssl('x509', '-in', authority, '-noout', '-text');
    for (const line of ['CA:TRUE, pathlen:0', 'URI:bank.example', 'DNS:bank.example', 'Policy: 1.2.3.4'])
      expect(text).toContain(line);
  });

  it('states in its transcript who was present, and what was signed', async () => {
    const { transcript, certificate } = await signed();
    const der = Buffer.from(certificate.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    for (const line of ['person Olga Operator', 'person Ari Approver', `certificate SHA-256 ${sha256Base64Url(der)}`])
      expect(transcript.split('\n')).toContain(line);
  });

  it('keeps the key of the root encrypted, readable only for its account', () => {
    const path = join(base, 'root', 'root.key');
    expect(readFileSync(path, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['one person alone', ['Olga Operator']],
    ['one person twice', ['Olga Operator', 'olga operator ']],
    ['a person without a name', ['Olga Operator', ' ']],
  ])('is refused for %s', (_, present) => {
    expect(() => readWitnesses(present)).toThrow(expect.objectContaining({ code: 'ceremony_invalid' }));
  });

  it('refuses a wrong passphrase, a lifetime beyond the root, a request for another key, and a second root in one folder', async () => {
    await expect(signed({ passphrase: 'another passphrase, long' })).rejects.toMatchObject({
      code: 'ceremony_invalid',
    });
    await expect(signed({ years: 11 })).rejects.toMatchObject({ code: 'ceremony_invalid' });
    await expect(signed({ request: { ...request, id: (await requestFile()).id } })).rejects.toMatchObject({
      code: 'ceremony_invalid',
    });
    const again = { folder: join(base, 'root'), organization: 'Other', persons, years: 10, passphrase, now };
    await expect(createRoot(again)).rejects.toMatchObject({ code: 'ceremony_invalid' });
    await expect(createRoot({ ...again, folder: join(base, 'two'), passphrase: 'short' })).rejects.toMatchObject({
      code: 'ceremony_invalid',
    });
  });
});

describe('the revocation list of a root', () => {
  const list = (changes: Partial<Parameters<typeof signRootList>[0]> = {}) =>
    signRootList({ folder: join(base, 'root'), revoked: [], persons, days: 180, passphrase, now, ...changes });
  /** What OpenSSL says of an issuing authority under the list. */
  function verdict(certificate: string, root: string, crl: string): string {
    const write = (name: string, text: string) => {
      writeFileSync(join(base, name), text);
      return join(base, name);
    };
    const files = [write('listed.pem', certificate), write('above.pem', root), write('root-list.pem', crl)] as const;
    const args = ['verify', '-crl_check', '-CAfile', files[1], '-CRLfile', files[2], files[0]];
    const { stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    return stdout + stderr;
  }

  it('revokes an issuing authority for OpenSSL, and every later list does too', async () => {
    const [kept, lost] = [await signed(), await signed()];
    const first = await list();
    expect(first.transcript).toContain('revocation list 1 of the root');
    for (const { certificate, root } of [kept, lost]) expect(verdict(certificate, root, first.list)).toContain('OK');
    const second = await list({ revoked: [lost.certificate] });
    const third = await list();
    expect(third.transcript).toContain('revocation list 3 of the root');
    for (const { list: crl } of [second, third]) {
      expect(verdict(lost.certificate, lost.root, crl)).toContain('certificate revoked');
      expect(verdict(kept.certificate, kept.root, crl)).toContain('OK');
    }
    expect(readFileSync(join(base, 'root', 'root.crl'), 'utf8')).toBe(third.list);
    expect(readFileSync(join(base, 'root', 'root-list-3-transcript.txt'), 'utf8')).toBe(third.transcript);
  });

  it('is refused for a certificate of another root, for no certificate, by one person, and beyond 400 days', async () => {
    const folder = join(base, 'other root');
    await createRoot({ folder, organization: 'Other', persons, years: 10, passphrase, now });
    const foreign = await signed({ folder });
    for (const changes of [
      { revoked: [foreign.certificate] },
      { revoked: ['a certificate'] },
      { persons: ['Olga Operator'] },
      { days: 401 },
      { passphrase: 'another passphrase, long' },
    ])
      await expect(list(changes)).rejects.toMatchObject({ code: 'ceremony_invalid' });
  });

  it('does not begin again over a list that it cannot read', async () => {
    const folder = join(base, 'third root');
    await createRoot({ folder, organization: 'Third', persons, years: 10, passphrase, now });
    const { list: foreign } = await list();
    for (const left of ['', foreign]) {
      writeFileSync(join(folder, 'root.crl'), left);
      await expect(list({ folder })).rejects.toMatchObject({ code: 'ceremony_invalid' });
      expect(readFileSync(join(folder, 'root.crl'), 'utf8')).toBe(left);
    }
  });
});
