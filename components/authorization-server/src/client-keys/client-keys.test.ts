import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createTestAuthority, makeKey, type SigningKey, signJws } from '@countersign/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { startKeySetServer } from '../testing/key-set-server.ts';
import { venueOrders } from '../testing/trading-world.ts';
import { readKeySet } from './read-key-set.ts';

const publicJwk = (key: SigningKey, change: object = {}) => ({ ...key.jwk, kid: key.kid, ...change });

describe('fetched key sets', () => {
  let keySets: Awaited<ReturnType<typeof startKeySetServer>>;
  beforeEach(async () => {
    keySets = await startKeySetServer();
  });
  afterEach(() => keySets.stop());

  /** The engine, whose keys are fetched, and requests signed with any key. */
  function start() {
    const harness = createHarness({ outbound: { getJson: keySets.getJson } });
    harness.world.changeClient('vwap-engine', { keys: [], jwksUri: keySets.uri });
    let counter = 0;
    const ask = (key: SigningKey, kid: string | undefined = key.kid) => {
      const seconds = harness.seconds();
      const claims = { iss: 'vwap-engine', sub: 'vwap-engine', aud: issuer, exp: seconds + 60 };
      counter += 1;
      const header = { alg: 'ES256', ...(kid === undefined ? {} : { kid }) };
      const signed = signJws(key, header, { ...claims, jti: `fetched-${counter}` });
      return refusalOf(harness.server.token(harness.clientCredentials({ client_assertion: signed })));
    };
    return { ...harness, ask };
  }
  const released = { code: 'released' };
  const refused = { code: 'invalid_client', reason: 'client_assertion_key' };

  it('are fetched once for simultaneous requests, and then not again for ten minutes', async () => {
    const { ask, clock } = start();
    const key = makeKey();
    keySets.publish({ keys: [publicJwk(key)] });
    expect(await Promise.all(Array.from({ length: 50 }, () => ask(key)))).toEqual(
      Array.from({ length: 50 }, () => released),
    );
    expect(keySets.requests()).toBe(1);
    clock.advance(599_000);
    expect(await ask(key)).toEqual(released);
    expect(keySets.requests()).toBe(1);
    clock.advance(1_000);
    expect(await ask(key)).toEqual(released);
    expect(keySets.requests()).toBe(2);
  });

  it('are fetched again after the clock was set back, because the age of the cached keys is unknown', async () => {
    const { ask, clock } = start();
    const [withdrawn, key] = [makeKey(), makeKey()];
    keySets.publish({ keys: [publicJwk(withdrawn)] });
    expect(await ask(withdrawn)).toEqual(released);
    clock.advance(-3_600_000);
    keySets.publish({ keys: [publicJwk(key)] });
    expect(await ask(withdrawn)).toMatchObject(refused);
    expect(await ask(key)).toEqual(released);
  });

  it('authenticate one client per key, even if others publish the same key', async () => {
    const { ask, world, server, clientCredentials, seconds, audit } = start();
    const key = makeKey();
    keySets.publish({ keys: [publicJwk(key)] });
    const asGateway = () => {
      const claims = { iss: 'venue-gateway', sub: 'venue-gateway', aud: issuer, exp: seconds() + 60 };
      const signed = signJws(key, { alg: 'ES256', kid: key.kid }, { ...claims, jti: 'gateway-1' });
      return refusalOf(server.token(clientCredentials({ client_assertion: signed })));
    };
    world.changeClient('venue-gateway', { keys: [], jwksUri: `${keySets.uri}?client=2` });
    expect(await ask(key)).toEqual(released);
    const shared = { code: 'invalid_client', reason: 'client_credential_shared' };
    expect(await asGateway()).toMatchObject(shared);
    expect(audit.last()).toMatchObject({
      type: 'client.refused',
      client: 'venue-gateway',
      data: { shared_with: 'vwap-engine' },
    });
    // Publishing another client's public key takes nothing from that client.
    expect(await ask(key)).toEqual(released);
  });

  it('are fetched again for an unknown kid, at most every thirty seconds', async () => {
    const { ask, clock } = start();
    const [first, second] = [makeKey(), makeKey()];
    keySets.publish({ keys: [publicJwk(first)] });
    expect(await ask(first)).toEqual(released);
    keySets.publish({ keys: [publicJwk(first), publicJwk(second)] });
    expect(await ask(second)).toMatchObject(refused);
    for (let index = 0; index < 20; index += 1) expect(await ask(makeKey())).toMatchObject(refused);
    expect(keySets.requests()).toBe(1);
    clock.advance(30_000);
    expect(await ask(second)).toEqual(released);
    expect(await ask(first)).toEqual(released);
    expect(keySets.requests()).toBe(2);
  });

  it('drop a key that is no longer published at the next fetch', async () => {
    const { ask, clock } = start();
    const [first, second] = [makeKey(), makeKey()];
    keySets.publish({ keys: [publicJwk(first)] });
    expect(await ask(first)).toEqual(released);
    keySets.publish({ keys: [publicJwk(second)] });
    clock.advance(600_000);
    expect(await ask(first)).toMatchObject(refused);
    expect(await ask(second)).toEqual(released);
  });

  it('remain usable for a day while their address fails in any way, and no longer', async () => {
    const { ask, clock } = start();
    const key = makeKey();
    keySets.publish({ keys: [publicJwk(key)] });
    expect(await ask(key)).toEqual(released);
    for (const broken of [
      'not JSON',
      { keys: 'none' },
      { keys: Array.from({ length: 21 }, () => publicJwk(makeKey())) },
    ]) {
      keySets.publish(broken);
      clock.advance(3_600_000);
      expect(await ask(key)).toEqual(released);
    }
    keySets.answerWith((_request, response) => void response.writeHead(302, { location: keySets.uri }).end());
    clock.advance(3_600_000);
    expect(await ask(key)).toEqual(released);
    keySets.answerWith((_request, response) => void response.writeHead(503).end());
    clock.advance(20 * 3_600_000);
    expect(await ask(key)).toMatchObject(refused);
  });

  it('are not kept if they never could be fetched, are too large, or have been registered at another address since', async () => {
    const { ask, clock, world } = start();
    const key = makeKey();
    keySets.answerWith((_request, response) => void response.writeHead(500).end());
    expect(await ask(key)).toMatchObject(refused);
    clock.advance(30_000);
    keySets.publish({ keys: [publicJwk(key)], padding: 'x'.repeat(70_000) });
    expect(await ask(key)).toMatchObject(refused);
    clock.advance(30_000);
    keySets.publish({ keys: [publicJwk(key)] });
    expect(await ask(key)).toEqual(released);
    world.changeClient('vwap-engine', { jwksUri: 'http://127.0.0.1:1/jwks' });
    expect(await ask(key)).toMatchObject(refused);
  });

  it('refuse a different key under a kid already in use, and keep the first key', async () => {
    const { ask, clock } = start();
    const [first, second] = [makeKey(), makeKey()];
    keySets.publish({ keys: [publicJwk(first, { kid: 'signing' })] });
    expect(await ask(first, 'signing')).toEqual(released);
    keySets.publish({ keys: [publicJwk(second, { kid: 'signing' })] });
    clock.advance(600_000);
    expect(await ask(second, 'signing')).toMatchObject(refused);
    keySets.publish({ keys: [publicJwk(first, { kid: 'signing' })] });
    clock.advance(30_000);
    expect(await ask(first, 'signing')).toEqual(released);
  });

  it('refuse a different key under a known kid also at another address and after an empty key set', async () => {
    const { ask, clock, world } = start();
    const [first, second] = [makeKey(), makeKey()];
    keySets.publish({ keys: [publicJwk(first, { kid: 'signing' })] });
    expect(await ask(first, 'signing')).toEqual(released);
    keySets.publish({ keys: [] });
    clock.advance(600_000);
    expect(await ask(first, 'signing')).toMatchObject(refused);
    keySets.publish({ keys: [publicJwk(second, { kid: 'signing' })] });
    clock.advance(600_000);
    expect(await ask(second, 'signing')).toMatchObject(refused);
    world.changeClient('vwap-engine', { jwksUri: `${keySets.uri}?moved` });
    expect(await ask(second, 'signing')).toMatchObject(refused);
    keySets.publish({ keys: [publicJwk(second, { kid: 'signing-2' })] });
    clock.advance(30_000);
    expect(await ask(second, 'signing-2')).toEqual(released);
  });

  it('recognise a self-signed certificate, including one added a moment ago', async () => {
    const { world, clock, requestFor, server } = start();
    const authority = createTestAuthority({ name: 'nobody' });
    const [one, two] = [1, 2].map((number) => {
      const { der, certificatePem } = authority.issue({ subject: `CN=engine ${number}`, selfSigned: true });
      const { kty, crv, x, y } = createPublicKey(certificatePem).export({ format: 'jwk' });
      return { der, jwk: { kty, crv, x, y, x5c: [der.toString('base64')] } };
    });
    if (one === undefined || two === undefined) throw new Error('no certificates');
    world.changeClient('vwap-engine', { authentication: { method: 'self_signed_tls_client_auth' }, binding: 'mtls' });
    const show = (der: Uint8Array) =>
      refusalOf(
        server.token(
          requestFor(
            'vwap-engine',
            {
              grant_type: 'client_credentials',
              scope: 'order:read',
              resource: venueOrders,
              client_assertion: undefined,
              client_assertion_type: undefined,
              client_id: 'vwap-engine',
            },
            { certificate: { der, chainVerified: false } },
          ),
        ),
      );
    keySets.publish({ keys: [one.jwk] });
    expect(await show(one.der)).toEqual(released);
    keySets.publish({ keys: [one.jwk, two.jwk] });
    clock.advance(30_000);
    expect(await show(two.der)).toEqual(released);
    expect(await show(one.der)).toEqual(released);
    const stranger = authority.issue({ subject: 'CN=engine 1', selfSigned: true });
    expect(await show(stranger.der)).toMatchObject({ reason: 'client_certificate_unknown' });
  });
});

describe('a key set', () => {
  const good = makeKey();
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

  it.each([
    ['a private key', { ...secret, kid: 'bad' }, 'key_private'],
    ['a weak key', { ...weak, kid: 'bad' }, 'key_unsupported'],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: 'bad' }, 'key_private'],
    ['a key of another algorithm', { ...good.jwk, kid: 'bad', alg: 'RS256' }, 'key_unsupported'],
    ['two keys of one name', { ...makeKey().jwk, kid: good.kid }, 'kid_repeated'],
  ])('skips %s and reports it', (_, jwk, code) => {
    const skipped: string[] = [];
    const { keys } = readKeySet({ keys: [publicJwk(good), jwk] }, new Map(), ({ code: why }) => skipped.push(why));
    expect(skipped).toContain(code);
    expect(keys).toHaveLength(code === 'kid_repeated' ? 0 : 1);
  });

  it.each([
    ['is not of its key', () => [createTestAuthority({ name: 'CA' }).der.toString('base64')]],
    ['is none', () => ['AAAA']],
    ['is not base64', () => ['%']],
    ['is too long', () => ['A'.repeat(10_000)]],
    ['is in no list', () => 'AAAA'],
    ['is not there', () => []],
  ])('keeps a key whose certificate %s, and drops the certificate', (_, chain) => {
    const skipped: string[] = [];
    const jwk = publicJwk(good, { x5c: chain() });
    const { keys, certificates } = readKeySet({ keys: [jwk] }, new Map(), ({ code: why }) => skipped.push(why));
    expect(keys).toHaveLength(1);
    expect([...certificates]).toEqual([]);
    expect(skipped).toEqual(['certificate_not_of_key']);
  });

  it('skips an encryption key silently', () => {
    const skipped: unknown[] = [];
    const encryption = { ...makeKey().jwk, use: 'enc', kid: 'enc' };
    expect(
      readKeySet({ keys: [encryption, publicJwk(good)] }, new Map(), (why) => skipped.push(why)).keys,
    ).toHaveLength(1);
    expect(skipped).toEqual([]);
  });

  it('remembers key ids in use, however many others come and go', () => {
    let set = readKeySet({ keys: [publicJwk(good, { kid: 'good' })] }, new Map(), () => undefined);
    for (let round = 0; round < 30; round += 1) {
      const others = Array.from({ length: 10 }, (_, index) => publicJwk(good, { kid: `other-${round}-${index}` }));
      set = readKeySet({ keys: [publicJwk(good, { kid: 'good' }), ...others] }, set.pinned, () => undefined);
    }
    expect(set.pinned.size).toBeLessThanOrEqual(200);
    expect(set.pinned.get('good')).toBe(good.kid);
  });

  it('of any shape is read or refused and never causes an internal error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (member, more) => {
        try {
          const { keys } = readKeySet({ keys: [member, more, publicJwk(good)] }, new Map(), () => undefined);
          expect(keys.length).toBeGreaterThanOrEqual(0);
          readKeySet(member, new Map(), () => undefined);
        } catch (error) {
          expect(error).toMatchObject({ code: 'key_set_malformed' });
        }
      }),
    );
  });
});
