import { describe, expect, it } from 'vitest';
import { parseSpiffeId, principalOfSpiffeId, spiffeIdOf } from './spiffe-id.ts';
import { encodeWorkloadExtension, readWorkloadExtension } from './workload-extension.ts';

describe('a SPIFFE ID', () => {
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
  ])('cannot be %s', (text) => {
    expect(() => parseSpiffeId(text)).toThrow('spiffe_id_invalid');
  });

  it('names exactly one principal', () => {
    const id = spiffeIdOf('bank.example', 'agent:vwap-1');
    expect(id).toBe('spiffe://bank.example/agent/vwap-1');
    expect(principalOfSpiffeId(parseSpiffeId(id))).toBe('agent:vwap-1');
    for (const path of ['/person/anna', '/agent', '/agent/a/b', '/agent/A'])
      expect(principalOfSpiffeId(parseSpiffeId(`spiffe://bank.example${path}`))).toBeUndefined();
  });
});

describe('the workload extension', () => {
  const statement = {
    ...{ entry: 'risk', level: 'kernel-observed', environment: 'production', image: 'ab'.repeat(32) },
    ...{ evidence: 'A'.repeat(43), record: 'rec_1' },
  };
  it.each([statement, { ...statement, configuration: 'cd'.repeat(32) }])('reads what was written', (written) => {
    expect(readWorkloadExtension(encodeWorkloadExtension(written))).toEqual(written);
  });

  it('is refused with a missing or additional member, and with other octets', () => {
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
