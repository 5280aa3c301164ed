import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestAuthority } from '@countersign/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import type { Configuration } from './configuration.ts';
import { listenersOf } from './listeners.ts';

const folder = mkdtempSync(join(tmpdir(), 'listeners-'));
afterAll(() => rmSync(folder, { recursive: true }));
const authority = createTestAuthority({ name: 'authority' });
const [one, other] = [authority.issue({ subject: 'CN=one' }), authority.issue({ subject: 'CN=other' })];

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return `file:${join(folder, name)}`;
}
const certificate = file('one.pem', one.certificatePem);
const key = file('one.key', one.privateKeyPem);
const issuer = 'https://identity.example.com';
const listen = { host: '127.0.0.1', port: 7420 };
const mutualTls = { baseUrl: 'https://mtls.example.com', listen: { host: '127.0.0.1', port: 7421 }, certificate, key };
const of = (part: Partial<Configuration>) => listenersOf({ issuer, listen, ...part } as Configuration);

describe('the listeners', () => {
  it('are by default one with plain HTTP under the issuer', () => {
    expect(of({})).toEqual([{ name: 'HTTP', baseUrl: issuer, zone: 'main', ...listen }]);
  });

  it('are two with separate addresses if configured, and only the second requests client certificates', () => {
    const proxies = ['A'.repeat(43)];
    const clientAuthorities = file('authorities.pem', authority.certificatePem);
    const [main, mutual] = of({
      listen: { ...listen, tls: { certificate, key } },
      mutualTls: { ...mutualTls, clientAuthorities, proxies },
    });
    expect(main?.tls?.clientCertificates).toBeUndefined();
    expect(main?.tls?.key).toBe(one.privateKeyPem.trim());
    expect(mutual).toMatchObject({ name: 'mutual TLS', baseUrl: 'https://mtls.example.com', port: 7421 });
    expect(mutual?.tls?.clientCertificates).toEqual({ authorities: authority.certificatePem.trim(), proxies });
  });

  it('accept no authority if none is configured', () => {
    expect(of({ mutualTls })[1]?.tls?.clientCertificates).toEqual({ proxies: [] });
  });

  it.each([
    ['the key of another certificate', { key: file('other.key', other.privateKeyPem) }, 'configuration_invalid'],
    ['an invalid certificate', { certificate: file('none.pem', 'certificate') }, 'configuration_invalid'],
    ['a file that is not there', { certificate: `file:${join(folder, 'missing.pem')}` }, 'secret_unavailable'],
  ])('are refused with %s before anything starts', (_, change, code) => {
    const expected = expect.objectContaining({ code });
    expect(() => of({ mutualTls: { ...mutualTls, ...change } })).toThrow(expected);
    expect(() => of({ listen: { ...listen, tls: { certificate, key, ...change } } })).toThrow(expected);
  });
});
