import { generateKeyPairSync } from 'node:crypto';
import { fixedClock } from '@countersign/testkit';
import fc from 'fast-check';
import { importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { generateSigningKey } from './keys.ts';
import {
  createSecurityEventReader,
  createSecurityEventVerifier,
  securityEventErrors,
  securityEventRefusal,
} from './security-events.ts';
import { type SmallIssuer, startSmallIssuer } from './testing/small-issuer.ts';

const clock = fixedClock(Date.parse('2026-11-21T10:00:00Z'));
const now = clock.now() / 1000;
const revoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
const subject = { format: 'opaque', id: 'ses_1' };

let issuer: SmallIssuer;
const key = generateSigningKey();
const stranger = generateSigningKey();
beforeAll(async () => {
  issuer = await startSmallIssuer();
  issuer.keys.set('/signals/keys', [key]);
});
afterAll(() => issuer.close());

const verifier = () => createSecurityEventVerifier({ issuer: issuer.url, audience: 'ops', clock });

interface Signing {
  readonly by?: typeof key;
  readonly header?: object;
  /** Undefined members are omitted. */
  readonly claims?: Record<string, unknown>;
}
/** Signed by an independent implementation of JWS. */
async function token({ by = key, header = {}, claims = {} }: Signing = {}): Promise<string> {
  const whole = {
    ...{ iss: issuer.url, aud: 'ops', jti: 'set-1', iat: now, toe: now - 5, txn: 'rec_1', sub_id: subject },
    events: { [revoked]: { initiating_entity: 'admin' } },
    ...claims,
  };
  const kept = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
  return new SignJWT(kept)
    .setProtectedHeader({ alg: 'ES256', typ: 'secevent+jwt', kid: by.kid, ...header })
    .sign(await importJWK(by.privateJwk as JWK, 'ES256'));
}

describe('a security event token', () => {
  it('of the control plane is read, as jose signed it', async () => {
    expect(await verifier().verify(await token())).toEqual({
      ...{ jti: 'set-1', subject, type: revoked, event: { initiating_entity: 'admin' } },
      ...{ issuedAt: now, occurredAt: now - 5, cause: 'rec_1' },
    });
  });

  it('may be for several receivers, and stay in a queue for days', async () => {
    expect(
      await verifier().verify(await token({ claims: { aud: ['x', 'ops'], iat: now - 5 * 86_400 } })),
    ).toMatchObject({ jti: 'set-1' });
  });

  it.each<[string, Signing, keyof typeof securityEventErrors.codes]>([
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, 'security_event_issuer'],
    ['for another receiver', { claims: { aud: 'others' } }, 'security_event_audience'],
    ['without an audience', { claims: { aud: undefined } }, 'security_event_audience'],
    ['by a key that is not published', { by: stranger }, 'security_event_key'],
    ['of a stranger under a name of ours', { by: stranger, header: { kid: key.kid } }, 'security_event_signature'],
    ['of another type', { header: { typ: 'at+jwt' } }, 'security_event_malformed'],
    ['of no type', { header: { typ: undefined } }, 'security_event_malformed'],
    ['that could be an ID token: with sub', { claims: { sub: 'person:a' } }, 'security_event_malformed'],
    ['that could be an ID token: with exp', { claims: { exp: now + 60 } }, 'security_event_malformed'],
    ['without a jti', { claims: { jti: undefined } }, 'security_event_malformed'],
    ['without an iat', { claims: { iat: undefined } }, 'security_event_malformed'],
    ['that is not yet valid', { claims: { nbf: now + 11 } }, 'security_event_malformed'],
    ['from ahead', { claims: { iat: now + 11 } }, 'security_event_malformed'],
    ['without a subject', { claims: { sub_id: undefined } }, 'security_event_malformed'],
    ['about a text', { claims: { sub_id: 'ses_1' } }, 'security_event_malformed'],
    ['without an event', { claims: { events: {} } }, 'security_event_malformed'],
    ['with two', { claims: { events: { [revoked]: {}, other: {} } } }, 'security_event_malformed'],
    ['with a text as event', { claims: { events: { [revoked]: 'x' } } }, 'security_event_malformed'],
  ])('%s is refused', async (_, signing, code) => {
    await expect(verifier().verify(await token(signing))).rejects.toMatchObject({ code });
  });

  it('with any character changed is refused with a code, never with a fault', async () => {
    const [good, checking] = [await token(), verifier()];
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 2), fc.constantFrom('A', 'z', '0', '.', '=', ' '), async (at, other) => {
        fc.pre(good[at] !== other);
        const refusal: unknown = await checking
          .verify(good.slice(0, at) + other + good.slice(at + 1))
          .catch((error: unknown) => error);
        expect(Object.keys(securityEventErrors.codes)).toContain((refusal as { code?: string }).code);
      }),
      { numRuns: 200 },
    );
  });

  it('by a key of another kind under our name is refused', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const secret = Buffer.from(JSON.stringify(publicKey.export({ format: 'jwk' })));
    const forged = await new SignJWT({ iss: issuer.url, aud: 'ops' })
      .setProtectedHeader({ alg: 'HS256', typ: 'secevent+jwt', kid: key.kid })
      .sign(secret);
    await expect(verifier().verify(forged)).rejects.toMatchObject({ code: 'security_event_signature' });
  });
});

describe('a push', () => {
  const request = async (change: object = {}) => ({
    method: 'POST',
    headers: { 'content-type': 'application/secevent+jwt' },
    body: Buffer.from(await token()),
    ...change,
  });

  it('is read from its body', async () => {
    expect(await verifier().verifyRequest(await request())).toMatchObject({ jti: 'set-1' });
  });

  it.each([
    { method: 'PUT' },
    { headers: {} },
    { headers: { 'content-type': 'application/jwt' } },
    { body: Buffer.alloc(65_537, 'a') },
  ])('that is invalid is refused: %j', async (change) => {
    await expect(verifier().verifyRequest(await request(change))).rejects.toMatchObject({
      code: 'security_event_malformed',
    });
  });

  it.each([
    [{ by: stranger }, 'invalid_key'],
    [{ claims: { aud: 'x' } }, 'invalid_audience'],
    [{ claims: { iss: 'x' } }, 'invalid_issuer'],
    [{ claims: { jti: undefined } }, 'invalid_request'],
    [{ by: stranger, header: { kid: key.kid } }, 'authentication_failed'],
  ])('that is refused (%#) is answered as RFC 8935 defines: %s', async (signing, err) => {
    const error: unknown = await verifier()
      .verify(await token(signing))
      .catch((thrown: unknown) => thrown);
    const { status, headers, body } = securityEventRefusal(error);
    expect([status, headers['content-type'], headers['content-language']]).toEqual([400, 'application/json', 'en']);
    expect(JSON.parse(body)).toMatchObject({ err });
  });

  it('that could not be checked is to be sent again', async () => {
    const error: unknown = await createSecurityEventVerifier({
      issuer: 'http://127.0.0.1:1',
      audience: 'ops',
      clock,
    })
      .verify(await token())
      .catch((thrown: unknown) => thrown);
    expect(securityEventRefusal(error)).toMatchObject({ status: 503 });
  });
});

describe('a polled stream', () => {
  const reader = () =>
    createSecurityEventReader({
      ...{ issuer: issuer.url, audience: 'ops', stream: 'strm_1', clock, wait: false, limit: 10 },
      client: createClient({ issuer: issuer.url, clientId: 'ops', key: generateSigningKey() }),
    });
  const answers = (status: number, body: object) => issuer.answers.set('POST /signals/poll/strm_1', { status, body });
  const asked = () => JSON.parse(issuer.seen.at(-1)?.body ?? '{}') as Record<string, unknown>;

  it('is acknowledged when the next page is requested, and not if that fails', async () => {
    const reading = reader();
    const [a, b] = [await token({ claims: { jti: 'a' } }), await token({ claims: { jti: 'b' } })];
    answers(200, { sets: { a, b }, moreAvailable: true });
    expect(await reading.next()).toMatchObject({
      ...{ events: [{ jti: 'a' }, { jti: 'b' }], refused: [], moreAvailable: true },
    });
    expect(asked()).toEqual({ maxEvents: 10, returnImmediately: true });
    answers(503, { code: 'log_unavailable' });
    await expect(reading.next()).rejects.toMatchObject({ code: 'log_unavailable' });
    answers(200, { sets: {} });
    expect(await reading.next()).toEqual({ events: [], refused: [], moreAvailable: false });
    expect(asked()).toMatchObject({ ack: ['a', 'b'] });
    await reading.next();
    expect(asked()).not.toHaveProperty('ack');
  });

  it('reports the rejected events and why', async () => {
    const reading = reader();
    answers(200, {
      sets: {
        a: await token({ claims: { jti: 'a' } }),
        forged: await token({ by: stranger, header: { kid: key.kid }, claims: { jti: 'forged' } }),
        // Its key may have been published a moment ago: it is neither acknowledged nor rejected.
        early: await token({ by: stranger, claims: { jti: 'early' } }),
        // Acknowledging it under this name would acknowledge another event.
        other: await token({ claims: { jti: 'a' } }),
      },
    });
    const page = await reading.next();
    expect(page.events.map(({ jti }) => jti)).toEqual(['a']);
    expect(page.refused.map(({ jti, error }) => [jti, error.code])).toEqual([
      ['forged', 'security_event_signature'],
      ['other', 'security_event_malformed'],
    ]);
    answers(200, { sets: {} });
    await reading.next();
    expect(asked()).toMatchObject({
      ack: ['a'],
      setErrs: { forged: { err: 'authentication_failed' }, other: { err: 'invalid_request' } },
    });
    expect(asked()['setErrs']).not.toHaveProperty('early');
  });

  it('reports an unexpected answer', async () => {
    answers(200, { sets: [] });
    await expect(reader().next()).rejects.toMatchObject({ code: 'security_event_malformed' });
  });
});
