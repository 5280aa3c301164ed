import { createServer } from 'node:http';
import { newId, type RecordId, sha256Base64Url, systemClock, systemRandom, type TokenId } from '@countersign/kernel';
import {
  type AccessTokenClaims,
  accessTokenHeader,
  encodeHeader,
  signAccessToken,
  signCompactJws,
} from '@countersign/oauth';
import { fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey } from './keys.ts';
import { createProtection } from './protection.ts';
import { createReplayMemory } from './replay-memory.ts';

const audience = 'https://broker.example';
const from = { clock: systemClock, random: systemRandom };

describe('the protection of a service', () => {
  let issuerKey = generateSigningKey();
  const proofKey = generateSigningKey();
  const clock = fixedClock(Date.now());
  let issuer = '';
  let fetches = 0;
  let answers = true;
  let server: ReturnType<typeof createServer>;

  beforeEach(async () => {
    issuerKey = generateSigningKey();
    fetches = 0;
    answers = true;
    server = createServer((_request, response) => {
      fetches++;
      response.writeHead(answers ? 200 : 503, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          keys: [
            { ...issuerKey.publicJwk, kid: issuerKey.kid },
            { kty: 'oct', kid: 'odd' },
          ],
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    issuer = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

  const now = (): number => Math.floor(clock.now() / 1000);
  const token = (change: Partial<AccessTokenClaims> = {}, key = issuerKey): Promise<string> =>
    signAccessToken(
      {
        iss: issuer,
        sub: 'service:oms',
        aud: audience,
        client_id: 'oms',
        iat: now(),
        exp: now() + 300,
        jti: newId('token', from) satisfies TokenId,
        scope: 'order:create',
        cnf: { jkt: proofKey.kid as AccessTokenClaims['cnf']['jkt'] },
        lei: '5493000ARRANGERDEM94',
        policy_version: 1,
        evidence: newId('record', from) satisfies RecordId,
        ...change,
      },
      accessTokenHeader(key),
      async (input) => key.sign(input),
    );
  const proof = (accessToken: string, change: object = {}, key = proofKey): Promise<string> =>
    signCompactJws(
      encodeHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk }),
      {
        htm: 'POST',
        htu: `${audience}/orders`,
        iat: now(),
        jti: newId('token', from),
        ath: sha256Base64Url(accessToken),
        ...change,
      },
      async (input) => key.sign(input),
    );
  const request = (accessToken: string, dpop: string) => ({
    method: 'POST',
    url: `${audience}/orders`,
    authorization: [`DPoP ${accessToken}`],
    dpop: [dpop],
  });
  const open = () => createProtection({ issuer, audience, clock });
  const need = { scope: 'order:create' };

  it('lets a bound token with a fresh proof in, and the same proof never again', async () => {
    const protection = open();
    const accessToken = await token();
    const once = request(accessToken, await proof(accessToken));
    expect(await protection.check(once, need)).toMatchObject({ scope: ['order:create'], accessToken });
    await expect(protection.check(once, need)).rejects.toMatchObject({ code: 'proof_replayed' });
  });

  it('refuses another audience, a missing scope, another key, another token in the proof, and Bearer', async () => {
    const protection = open();
    const good = await token();
    const foreign = await token({ aud: 'https://venue.example' });
    const reading = await token({ scope: 'order:read' });
    await expect(protection.check(request(foreign, await proof(foreign)), need)).rejects.toMatchObject({
      code: 'token_audience',
    });
    await expect(protection.check(request(reading, await proof(reading)), need)).rejects.toMatchObject({
      code: 'insufficient_scope',
    });
    await expect(
      protection.check(request(good, await proof(good, {}, generateSigningKey())), need),
    ).rejects.toMatchObject({ code: 'proof_binding' });
    await expect(protection.check(request(good, await proof(foreign)), need)).rejects.toMatchObject({
      code: 'proof_token_hash',
    });
    const bearer = { ...request(good, await proof(good)), authorization: [`Bearer ${good}`] };
    await expect(protection.check(bearer, need)).rejects.toMatchObject({ code: 'token_scheme' });
  });

  it('finds a key the issuer has rotated to, and is not made to flood it by keys nobody has', async () => {
    const protection = open();
    const first = await token();
    await protection.check(request(first, await proof(first)), need);
    issuerKey = generateSigningKey();
    clock.advance(6_000);
    const second = await token();
    await protection.check(request(second, await proof(second)), need);
    expect(fetches).toBe(2);
    for (let count = 0; count < 5; count++) {
      const forged = await token({}, generateSigningKey());
      await expect(protection.check(request(forged, await proof(forged)), need)).rejects.toMatchObject({
        code: 'token_key_unknown',
      });
    }
    expect(fetches).toBe(2);
  });

  it('says no while it has no keys, and goes on with those it has when the issuer is away', async () => {
    answers = false;
    const protection = open();
    const accessToken = await token();
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'issuer_keys_unavailable',
    });
    answers = true;
    await protection.check(request(accessToken, await proof(accessToken)), need);
    answers = false;
    clock.advance(400_000);
    const later = await token();
    await protection.check(request(later, await proof(later)), need);
  });
});

describe('the memory of used proofs', () => {
  it('forgets nothing that still lives, and refuses rather than forgets when it is full', async () => {
    const clock = fixedClock(1_000);
    const memory = createReplayMemory({ clock, maxIds: 2 });
    expect(await memory.claim('long', 9_000)).toBe('claimed');
    expect(await memory.claim('short', 2_000)).toBe('claimed');
    clock.advance(4_000);
    await expect(memory.claim('third', 9_000)).rejects.toMatchObject({ code: 'overloaded' });
    expect(await memory.claim('long', 9_000)).toBe('replayed');
    clock.advance(6_000);
    expect(await memory.claim('third', 20_000)).toBe('claimed');
  });
});
