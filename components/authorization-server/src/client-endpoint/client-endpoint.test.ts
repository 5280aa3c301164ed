import { createNonceSource } from '@countersign/oauth';
import { makeKey, signJws } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { keysRegisteredAt } from '../testing/trading-world.ts';
import { createRefusalBudget } from './refusal-budget.ts';

const dayMs = 86_400_000;

describe('the environment', () => {
  it('gives nothing to sandbox clients in production, and serves both kinds in development', async () => {
    const production = createHarness({ config: { environment: 'production' } });
    expect(await refusalOf(production.server.token(production.clientCredentials()))).toMatchObject({
      code: 'unauthorized_client',
      reason: 'client_environment',
    });
    production.world.changeClient('vwap-engine', { environment: 'production' });
    expect(await refusalOf(production.server.token(production.clientCredentials()))).toEqual({ code: 'released' });
    const development = createHarness();
    for (const environment of ['sandbox', 'production'] as const) {
      development.world.changeClient('vwap-engine', { environment });
      expect(await refusalOf(development.server.token(development.clientCredentials()))).toEqual({ code: 'released' });
    }
  });
});

describe('the age of a client key', () => {
  it('is reported once a day per key, in a record, from thirty days before its end', async () => {
    const { server, clientCredentials, audit, clock } = createHarness();
    const warnings = () => audit.records.filter(({ type }) => type === 'client.key-aging');
    clock.advance(keysRegisteredAt + 335 * dayMs - clock.now() - 1);
    await server.token(clientCredentials());
    expect(warnings()).toEqual([]);
    clock.advance(1);
    await Promise.all([server.token(clientCredentials()), server.token(clientCredentials())]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatchObject({
      outcome: 'done',
      client: 'vwap-engine',
      data: { registered_at: '2026-11-01T00:00:00.000Z', ends_at: '2027-11-01T00:00:00.000Z' },
    });
    clock.advance(dayMs);
    await server.token(clientCredentials());
    expect(warnings()).toHaveLength(2);
  });

  it('ends the use of the key, to the second', async () => {
    const { server, clientCredentials, clock, audit } = createHarness();
    clock.advance(keysRegisteredAt + 365 * dayMs - clock.now() - 1);
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
    clock.advance(1);
    expect(await refusalOf(server.token(clientCredentials()))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_key_expired',
    });
    expect(audit.last()).toMatchObject({ type: 'client.refused', reason: 'client_key_expired' });
  });

  it('counts from the registration of the signing key, not of the oldest key', async () => {
    const { server, clientCredentials, clock, world } = createHarness();
    const old = world.directory.snapshot().client('vwap-engine')?.keys ?? [];
    const young = makeKey();
    const registeredAt = keysRegisteredAt + 300 * dayMs;
    const jwk = { ...young.jwk, kid: young.kid };
    world.changeClient('vwap-engine', { keys: [...old, { jwk, thumbprint: young.kid, registeredAt }] });
    clock.advance(keysRegisteredAt + 400 * dayMs - clock.now());
    expect(await refusalOf(server.token(clientCredentials()))).toMatchObject({ reason: 'client_key_expired' });
    const seconds = Math.floor(clock.now() / 1000);
    const claims = { iss: 'vwap-engine', sub: 'vwap-engine', aud: issuer, jti: 'young', exp: seconds + 60 };
    const signed = signJws(young, { alg: 'ES256', kid: young.kid }, claims);
    expect(await refusalOf(server.token(clientCredentials({ client_assertion: signed })))).toEqual({
      code: 'released',
    });
  });

  it('refuses nobody if its warning cannot be recorded, and warns again', async () => {
    const { server, clientCredentials, clock, audit } = createHarness();
    clock.advance(keysRegisteredAt + 340 * dayMs - clock.now());
    audit.breakDown();
    await refusalOf(server.token(clientCredentials()));
    audit.repair();
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
    expect(audit.records.filter(({ type }) => type === 'client.key-aging')).toHaveLength(1);
  });
});

describe('nonces in proofs', () => {
  const secret = Buffer.alloc(32, 7);
  const source = createNonceSource({ secret, windowSeconds: 300 });
  function start(dpopNonce: 'offered' | 'required') {
    const harness = createHarness({ nonceSecret: secret, config: { dpopNonce } });
    const key = harness.dpopKeyOf('vwap-engine');
    const withProof = (nonce: string | undefined) => ({
      ...harness.clientCredentials(),
      dpop: [harness.proof(key, { nonce })],
    });
    return { ...harness, withProof };
  }

  it('are requested where required, and the assertion can be used again together with one', async () => {
    const { server, clientCredentials, assertion, proof, dpopKeyOf, clock, audit } = start('required');
    const once = { client_assertion: assertion('vwap-engine') };
    const key = dpopKeyOf('vwap-engine');
    expect(await refusalOf(server.token(clientCredentials(once)))).toMatchObject({
      code: 'use_dpop_nonce',
      reason: 'proof_nonce',
    });
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'proof_nonce' });
    expect(server.dpopNonce()).toBe(source.current(clock.now()));
    const again = { ...clientCredentials(once), dpop: [proof(key, { nonce: server.dpopNonce() })] };
    expect(await refusalOf(server.token(again))).toEqual({ code: 'released' });
  });

  it('are the same on every node with the same secret and accepted for a while after the next one is issued', async () => {
    const one = start('required');
    const two = start('required');
    const nonce = one.server.dpopNonce();
    expect(two.server.dpopNonce()).toBe(nonce);
    one.clock.advance(300_000);
    expect(one.server.dpopNonce()).not.toBe(nonce);
    expect(await refusalOf(one.server.token(one.withProof(nonce)))).toEqual({ code: 'released' });
    one.clock.advance(300_000);
    expect(await refusalOf(one.server.token(one.withProof(nonce)))).toMatchObject({ code: 'use_dpop_nonce' });
  });

  it('are optional where they are only offered, but must be right if sent', async () => {
    const { server, withProof } = start('offered');
    expect(await refusalOf(server.token(withProof(undefined)))).toEqual({ code: 'released' });
    expect(await refusalOf(server.token(withProof(server.dpopNonce())))).toEqual({ code: 'released' });
    expect(await refusalOf(server.token(withProof('made-up')))).toMatchObject({ code: 'use_dpop_nonce' });
  });

  it('are neither issued nor checked where they are off', async () => {
    const { server, clientCredentials, proof, dpopKeyOf } = createHarness();
    expect(server.dpopNonce()).toBeUndefined();
    const request = { ...clientCredentials(), dpop: [proof(dpopKeyOf('vwap-engine'), { nonce: 'any' })] };
    expect(await refusalOf(server.token(request))).toEqual({ code: 'released' });
  });

  it('are not issued without a secret', () => {
    expect(() => createHarness({ config: { dpopNonce: 'required' } })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', detail: expect.stringContaining('secret') }),
    );
  });
});

describe('the budget of failed authentications', () => {
  function start() {
    const harness = createHarness({ config: { failedAuthenticationsPerMinute: 5 } });
    const wrong = (client: string, address = '192.0.2.7') => {
      const claims = { iss: client, sub: client, jti: 'x' };
      const forged = signJws(makeKey(), { alg: 'ES256' }, claims);
      return { ...harness.clientCredentials({ client_assertion: forged }), address };
    };
    const spend = async (client: string, times = 5, address?: string) => {
      for (let index = 0; index < times; index += 1) await refusalOf(harness.server.token(wrong(client, address)));
    };
    return { ...harness, wrong, spend };
  }
  const exhausted = { code: 'too_many_requests', reason: 'authentication_failures' };

  it('limits records per client and address, and recovers within two minutes', async () => {
    const { server, wrong, spend, audit, singleUse, clock } = start();
    await spend('vwap-engine');
    expect(audit.records).toHaveLength(5);
    expect(await refusalOf(server.token(wrong('vwap-engine')))).toMatchObject(exhausted);
    expect(audit.records).toHaveLength(5);
    expect(singleUse.claims).toEqual([]);
    clock.advance(120_000);
    expect(await refusalOf(server.token(wrong('vwap-engine')))).toMatchObject({ code: 'invalid_client' });
    expect(audit.records).toHaveLength(6);
  });

  it('never locks out the client itself, neither by forged requests of others nor by replayed ones', async () => {
    const { server, spend, clientCredentials, assertion } = start();
    await spend('vwap-engine', 20);
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
    const replayed = assertion('vwap-engine');
    for (let index = 0; index < 20; index += 1)
      await refusalOf(server.token({ ...clientCredentials({ client_assertion: replayed }), address: '192.0.2.7' }));
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
  });

  it('allows no more records for simultaneous failures, and no valid client is refused for them', async () => {
    const { server, wrong, clientCredentials, audit } = start();
    const good = Array.from({ length: 20 }, () => refusalOf(server.token(clientCredentials())));
    const refused = await Promise.all(
      Array.from({ length: 50 }, () => refusalOf(server.token(wrong('vwap-engine', '198.51.100.1')))),
    );
    expect(await Promise.all(good)).toEqual(good.map(() => ({ code: 'released' })));
    expect(refused.filter(({ code }) => code === 'invalid_client')).toHaveLength(5);
    expect(refused.filter(({ code }) => code === 'too_many_requests')).toHaveLength(45);
    expect(audit.records.filter(({ type }) => type === 'client.refused')).toHaveLength(5);
  });

  it('is not used up by other clients behind the same address, nor by the same name at another address', async () => {
    const { server, spend, clientCredentials } = start();
    await spend('order-desk');
    await spend('vwap-engine', 20, '198.51.100.1');
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
  });

  it('is shared by all names of unknown clients, so that invented names cannot fill the log', async () => {
    const { server, wrong, spend, audit } = start();
    for (let index = 0; index < 50; index += 1) await spend(`nobody-${index}`, 1);
    expect(audit.records).toHaveLength(5);
    expect(await refusalOf(server.token(wrong('nobody-51')))).toMatchObject(exhausted);
  });

  it('is not used up by a client that authenticates and is then refused', async () => {
    const { server, clientCredentials } = start();
    for (let index = 0; index < 20; index += 1)
      await refusalOf(server.token(clientCredentials({ scope: 'report:submit' })));
    expect(await refusalOf(server.token(clientCredentials()))).toEqual({ code: 'released' });
  });

  it('slides: in the middle of a minute, half of the previous minute’s count still applies', () => {
    const budget = createRefusalBudget({ failuresPerMinute: 10 });
    const client = 'a';
    for (let index = 0; index < 10; index += 1) budget.spend('192.0.2.7', 'a', 30_000);
    expect(budget.allows('192.0.2.7', client, 59_999)).toBe(false);
    expect(budget.allows('192.0.2.7', client, 90_000)).toBe(true);
    for (let index = 0; index < 5; index += 1) budget.spend('192.0.2.7', 'a', 90_000);
    expect(budget.allows('192.0.2.7', client, 90_000)).toBe(false);
    expect(budget.allows('192.0.2.7', client, 240_000)).toBe(true);
  });

  it('counts the /64 of an IPv6 address in any notation, and forgets the oldest entry when full', () => {
    const budget = createRefusalBudget({ failuresPerMinute: 1, maxEntries: 3 });
    const client = 'a';
    budget.spend('2001:db8::1', 'a', 0);
    for (const same of ['2001:DB8:0:0:1::', '2001:0db8:0000:0000:ffff:ffff:ffff:ffff', '2001:db8::'])
      expect(budget.allows(same, client, 0)).toBe(false);
    for (const another of ['2001:db8:0:1::1', '::1', '192.0.2.1', undefined])
      expect(budget.allows(another, client, 0)).toBe(true);
    for (let index = 0; index < 10_000; index += 1) budget.spend(`192.0.2.${index}`, 'a', 0);
    expect(budget.allows('2001:db8::1', client, 0)).toBe(true);
    expect(budget.allows('192.0.2.9999', client, 0)).toBe(false);
  });

  it('reads the claimed client from any text without an internal error', async () => {
    const { server, clientCredentials } = start();
    for (const text of ['', '.', '..', 'a.b.c', `x.${Buffer.from('[]').toString('base64url')}.y`, 'x'.repeat(20_000)])
      for (let index = 0; index < 6; index += 1) {
        const { code } = await refusalOf(server.token(clientCredentials({ client_assertion: text || 'x' })));
        expect(['invalid_client', 'too_many_requests']).toContain(code);
      }
  });
});
