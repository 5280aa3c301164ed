import { X509Certificate } from 'node:crypto';
import { createTestAuthority, processIdentityOf } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { ownName, processNamedBy, processUri, requireProcess } from './process-identity.ts';

const authority = createTestAuthority({ name: 'processes' });
const certificateWith = (...uris: readonly string[]): X509Certificate =>
  new X509Certificate(processIdentityOf(authority, 'core', [...uris]).certificate);

describe('the process that a certificate names', () => {
  it('is the one of its URI', () => {
    expect(processNamedBy(certificateWith(processUri('core')))).toBe('core');
  });

  it.each([
    ['no URI', []],
    ['two URIs', [processUri('core'), processUri('edge')]],
    ['a URI of ours and another', [processUri('core'), 'https://core.example']],
    ['another URI', ['urn:countersign:group:core']],
    ['no name', [processUri('')]],
    ['a name in capitals', [processUri('Core')]],
    ['a name with a comma that looks like two', [`${processUri('core')}, URI:${processUri('edge')}`]],
    ['a name with more behind it', [`${processUri('core')}:edge`]],
    ['a name that is too long', [processUri('a'.repeat(64))]],
  ])('is undefined if it has %s', (_, uris) => {
    expect(processNamedBy(certificateWith(...uris))).toBeUndefined();
  });

  it('must be the expected one, whatever its host', () => {
    const { raw } = certificateWith(processUri('egress'));
    expect(requireProcess('egress')('elsewhere.example', { raw })).toBeUndefined();
    expect(requireProcess('core')('localhost', { raw })?.message).toBe('the certificate is of egress and not of core');
    expect(requireProcess('core')('localhost', { raw: certificateWith().raw })?.message).toContain('of no process');
  });
});

describe('a process’s own certificate', () => {
  it('states its name', () => {
    expect(ownName(processIdentityOf(authority, 'evidence'))).toBe('evidence');
  });

  it.each([
    ['a key of another', { key: processIdentityOf(authority, 'core').key }],
    ['no name of a process', { certificate: processIdentityOf(authority, 'core', []).certificate }],
    ['no PEM', { certificate: 'none' }],
    ['no key', { key: '' }],
  ])('is refused with %s, without showing its content', (_, change) => {
    const identity = { ...processIdentityOf(authority, 'core'), ...change };
    expect(() => ownName(identity)).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', detail: expect.not.stringContaining('BEGIN') }),
    );
  });
});
