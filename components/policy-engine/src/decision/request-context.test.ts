import { describe, expect, it } from 'vitest';
import { readContext } from './request-context.ts';

describe('the context from an enforcement point', () => {
  it('is optional, as is each of its members', () => {
    const nothing = { client: '', scopes: [], signals: [], atLeast: {} };
    expect(readContext(undefined)).toStrictEqual(nothing);
    expect(
      readContext({
        time: 'now',
        ip: '192.0.2.1',
        mandate_stands: true,
        actor_depth: 2,
        audience: ['x'],
        acr: 'phrh',
        auth_time: 1_795_000_000,
      }),
    ).toStrictEqual(nothing);
  });

  it('is read completely', () => {
    expect(
      readContext({
        client: 'ha-oms',
        scope: 'order:create order:cancel',
        evidence: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3',
        device: 'device:ws-1',
        signals: ['new-network'],
        policy_version: 3,
        entity_version: 7,
      }),
    ).toStrictEqual({
      client: 'ha-oms',
      scopes: ['order:create', 'order:cancel'],
      evidence: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3',
      device: 'device:ws-1',
      signals: ['new-network'],
      atLeast: { policyVersion: 3, entityVersion: 7 },
    });
  });

  it.each([
    { client: 7 },
    { client: null },
    { scope: ['order:create'] },
    { scope: 'order:create  order:cancel' },
    { scope: Array.from({ length: 65 }, (_, index) => `s${index}`).join(' ') },
    { evidence: true },
    { evidence: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' },
    { evidence: 'a\ud800' },
    { device: { id: 'device:ws-1' } },
    { signals: 'impossible-travel' },
    { signals: ['impossible-travel', 7] },
    { signals: [''] },
    { signals: Array(33).fill('x') },
    { policy_version: '3' },
    { policy_version: -3 },
    { entity_version: null },
  ])('is refused, not ignored, when one of our members cannot be read: %j', (context) => {
    const [name] = Object.keys(context);
    expect(() => readContext(context)).toThrowError(
      expect.objectContaining({
        code: 'evaluation_invalid',
        detail: expect.stringContaining(`context.${name} must be`),
      }),
    );
  });

  it('ignores inherited object properties', () => {
    expect(
      readContext(JSON.parse('{"__proto__":{"device":"device:ws-1","client":"x"},"constructor":"x"}')),
    ).toStrictEqual(readContext(undefined));
  });
});
