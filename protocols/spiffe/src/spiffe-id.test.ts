import { describe, expect, it } from 'vitest';
import { parseSpiffeId, principalOfSpiffeId, spiffeIdOf } from './spiffe-id.ts';
import { encodeWorkloadExtension, readWorkloadExtension } from './workload-extension.ts';

describe('a SPIFFE id', () => {
  it.each([
    'https://bank.example/agent/vwap',
    'spiffe://',
    'spiffe:///agent',
    'spiffe://Bank.example/agent',
    'spiffe://bank.example/',
    'spiffe://bank.example//agent',
    'spiffe://bank.example/../agent',
    'spiffe://bank.example/agent?x=1',
    'spiffe://bank.example:8443/agent',
    'spiffe://user@bank.example/agent',
    'spiffe://bank.example/a%67ent',
    `spiffe://bank.example/${'a'.repeat(2_048)}`,
  ])('is not %s', (text) => {
    expect(() => parseSpiffeId(text)).toThrow('spiffe_id_invalid');
  });

  it('stands for one principal', () => {
    const id = spiffeIdOf('bank.example', 'agent:vwap-1');
    expect(id).toBe('spiffe://bank.example/agent/vwap-1');
    expect(principalOfSpiffeId(parseSpiffeId(id))).toBe('agent:vwap-1');
    for (const path of ['/person/anna', '/agent', '/agent/a/b', '/agent/A'])
      expect(principalOfSpiffeId(parseSpiffeId(`spiffe://bank.example${path}`))).toBeUndefined();
  });
});

describe('the extension about a workload', () => {
  const statement = {
    ...{ entry: 'risk', level: 'kernel-observed', environment: 'production', image: 'ab'.repeat(32) },
    ...{ evidence: 'A'.repeat(43), record: 'rec_1' },
  };
  it.each([statement, { ...statement, configuration: 'cd'.repeat(32) }])('is read as it was written', (written) => {
    expect(readWorkloadExtension(encodeWorkloadExtension(written))).toEqual(written);
  });

  it('is refused with a member too few or too many, and as other octets', () => {
    const whole = encodeWorkloadExtension(statement);
    const shorter = Buffer.from(whole.subarray(0, whole.length - 7));
    for (const octets of [
      shorter,
      Buffer.concat([whole, Buffer.from([0x0c, 0])]),
      Buffer.from([0x30, 0]),
      Buffer.alloc(0),
    ])
      expect(() => readWorkloadExtension(octets)).toThrow('workload_extension_malformed');
  });
});
