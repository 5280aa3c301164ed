import { sha256Base64Url } from '@countersign/kernel';
import { createTestAuthority } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { userinfoAudience } from './access-token.ts';
import { createKeyCache, importVerificationKey } from './key-cache.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair } from './testing/forge.ts';
import type { ResourceRequest } from './verify-possession.ts';
import { isKeyUnknown, type ResourceExpectations, verifyResourceRequest } from './verify-resource-request.ts';

const issuerPair = makePair('ES256');
const issuerKey = importVerificationKey(issuerPair.jwk);
const holder = makePair('ES256');
const jkt = importVerificationKey(holder.jwk).thumbprint;
const url = 'https://venue.example/orders/17?verbose=1';
const proofKeys = createKeyCache();

function tokenWith(change: object = {}): string {
  return forge(
    issuerPair,
    { alg: 'ES256', typ: 'at+jwt', kid: issuerKey.thumbprint },
    { ...fullClaims(jkt), ...change },
  );
}

function proofFor(token: string, change: object = {}, by = holder): string {
  const claims = {
    jti: 'p-1',
    htm: 'PUT',
    htu: 'https://venue.example/orders/17',
    iat: seconds,
    ath: sha256Base64Url(token),
    ...change,
  };
  return forge(by, { typ: 'dpop+jwt', alg: 'ES256', jwk: by.jwk }, claims);
}

function verify(change: Partial<ResourceRequest> = {}, expected: Partial<ResourceExpectations> = {}) {
  const token = tokenWith();
  const request = { method: 'PUT', url, authorization: [`DPoP ${token}`], dpop: [proofFor(token)], ...change };
  return verifyResourceRequest(request, {
    issuer,
    audience,
    keyOf: (kid) => (kid === issuerKey.thumbprint ? issuerKey : undefined),
    proofKeys,
    now,
    ...expected,
  });
}

describe('a request to a protected interface', () => {
  it('is accepted with a token for it and a proof for this request by the token’s key', async () => {
    const verified = await verify();
    expect(verified.claims.sub).toBe('agent:vwap-1');
    expect(verified.scope).toContain('order:create');
    expect(verified.actors).toEqual(['service:venue', 'service:oms']);
    expect(verified.proof).toEqual({ jti: 'p-1', jkt, issuedAt: seconds, expiresAt: (seconds + 70) * 1000 });
  });

  it('may write the scheme in any case (RFC 9110 section 11.1)', async () => {
    const token = tokenWith();
    expect((await verify({ authorization: [`dpop ${token}`], dpop: [proofFor(token)] })).claims.aud).toBe(audience);
  });

  const token = tokenWith();
  it.each([
    ['no token', { authorization: [] }, 'token_missing'],
    ['two tokens', { authorization: [`DPoP ${token}`, `DPoP ${token}`] }, 'token_scheme'],
    ['the token as Bearer', { authorization: [`Bearer ${token}`] }, 'token_scheme'],
    ['the token as Bearer and no proof', { authorization: [`Bearer ${token}`], dpop: [] }, 'token_scheme'],
    ['the token without a scheme', { authorization: [token] }, 'token_scheme'],
    ['a scheme without a token', { authorization: ['DPoP '] }, 'token_scheme'],
    ['something after the token', { authorization: [`DPoP ${token} more`] }, 'token_scheme'],
    ['two joined tokens', { authorization: [`DPoP ${token}, DPoP ${token}`] }, 'token_scheme'],
    ['no proof', { authorization: [`DPoP ${token}`], dpop: [] }, 'proof_missing'],
    ['two proofs', { authorization: [`DPoP ${token}`], dpop: [proofFor(token), proofFor(token)] }, 'proof_repeated'],
    [
      'a proof for another token',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(tokenWith({ jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c4' }))] },
      'proof_token_hash',
    ],
    [
      'a proof without the token hash',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { ath: undefined })] },
      'proof_token_hash',
    ],
    [
      'a proof for another method',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { htm: 'POST' })] },
      'proof_method',
    ],
    [
      'a proof for another URL',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, { htu: audience })] },
      'proof_url',
    ],
    [
      'a proof by another key',
      { authorization: [`DPoP ${token}`], dpop: [proofFor(token, {}, makePair('ES256'))] },
      'proof_binding',
    ],
    ['a token where the proof belongs', { authorization: [`DPoP ${token}`], dpop: [token] }, 'proof_type'],
    ['a proof where the token belongs', { authorization: [`DPoP ${proofFor(token)}`] }, 'token_invalid'],
  ])('is refused with %s', async (_, change, code) => {
    await expect(verify(change)).rejects.toThrow(expect.objectContaining({ code, category: 'unauthenticated' }));
  });

  it('reports when a verifier’s copy of the keys may be outdated', async () => {
    const rolled = forge(issuerPair, { alg: 'ES256', typ: 'at+jwt', kid: 'next' }, fullClaims(jkt));
    try {
      await verify({ authorization: [`DPoP ${rolled}`] });
      expect.unreachable();
    } catch (error) {
      expect(isKeyUnknown(error)).toBe(true);
    }
    expect(isKeyUnknown(new Error('token_key_unknown'))).toBe(false);
  });
});

describe('a request with a certificate-bound token', () => {
  const authority = createTestAuthority({ name: 'Test Authority' });
  const certificate = authority.issue({ subject: 'CN=desk' });
  const bound = tokenWith({ cnf: { 'x5t#S256': certificate.thumbprint } });
  const request = { authorization: [`Bearer ${bound}`], dpop: [], certificate };

  it('is accepted as Bearer on a connection with the certificate, and has no proof to claim', async () => {
    const verified = await verify(request);
    expect(verified.claims.cnf).toEqual({ 'x5t#S256': certificate.thumbprint });
    expect(verified).not.toHaveProperty('proof');
  });

  it('is accepted twice: the connection proves possession each time', () => {
    expect([verify(request), verify(request)]).toHaveLength(2);
  });

  it('is refused with a renewed certificate, even one for the same key', async () => {
    const renewed = authority.issue({ subject: 'CN=desk', privateKeyPem: certificate.privateKeyPem });
    await expect(verify({ ...request, certificate: renewed })).rejects.toThrow(
      expect.objectContaining({ code: 'token_certificate_binding', category: 'unauthenticated' }),
    );
  });

  it.each([
    ['of another holder under the same authority', authority.issue({ subject: 'CN=other' })],
    ['of another holder with the same name', authority.issue({ subject: 'CN=desk' })],
    ['that is the authority itself', authority],
    ['with a byte behind it', { der: Buffer.concat([certificate.der, Buffer.from([0])]) }],
    ['that cannot be parsed', { der: Buffer.from('certificate') }],
    ['that is the one it is bound to, in PEM', { der: Buffer.from(certificate.certificatePem) }],
  ])('is refused with a certificate %s', async (_, shown) => {
    await expect(verify({ ...request, certificate: shown })).rejects.toThrow(
      expect.objectContaining({ code: 'token_certificate_binding' }),
    );
  });

  it('is refused on a connection without a certificate', async () => {
    await expect(verify({ authorization: request.authorization, dpop: [] })).rejects.toThrow(
      expect.objectContaining({ code: 'token_certificate_missing' }),
    );
  });

  it('is refused as DPoP, with or without a certificate, whoever signs the proof', async () => {
    const authorization = [`DPoP ${bound}`];
    for (const dpop of [[], [proofFor(bound)]])
      await expect(verify({ ...request, authorization, dpop })).rejects.toThrow(
        expect.objectContaining({ code: 'token_scheme' }),
      );
  });

  it('is refused if the certificate is not currently valid', async () => {
    for (const change of [{ notAfter: new Date(now - 1_000) }, { notBefore: new Date(now + 11_000) }]) {
      const outOfDate = authority.issue({ subject: 'CN=desk', ...change });
      const token = tokenWith({ cnf: { 'x5t#S256': outOfDate.thumbprint } });
      await expect(verify({ authorization: [`Bearer ${token}`], dpop: [], certificate: outOfDate })).rejects.toThrow(
        expect.objectContaining({ code: 'token_certificate_expired' }),
      );
    }
  });
});

describe('a token bound to a key, on a connection with a certificate,', () => {
  const certificate = createTestAuthority({ name: 'Test Authority' }).issue({ subject: 'CN=desk' });

  it('still needs its proof', async () => {
    const token = tokenWith();
    const request = { authorization: [`DPoP ${token}`], certificate };
    expect((await verify({ ...request, dpop: [proofFor(token)] })).proof?.jkt).toBe(jkt);
    await expect(verify({ ...request, dpop: [] })).rejects.toThrow(expect.objectContaining({ code: 'proof_missing' }));
    await expect(verify({ ...request, authorization: [`Bearer ${token}`], dpop: [proofFor(token)] })).rejects.toThrow(
      expect.objectContaining({ code: 'token_scheme' }),
    );
  });

  it('is not accepted as certificate-bound when key and certificate have the same thumbprint', async () => {
    const confused = tokenWith({ cnf: { jkt: certificate.thumbprint } });
    await expect(verify({ authorization: [`Bearer ${confused}`], dpop: [], certificate })).rejects.toThrow(
      expect.objectContaining({ code: 'token_scheme' }),
    );
  });
});

describe('a resource that requires nonces', () => {
  const nonce = { accepts: (given: string) => given === 'fresh', required: true };

  it('accepts a proof with one and refuses a proof without', async () => {
    const token = tokenWith();
    const authorization = [`DPoP ${token}`];
    expect((await verify({ authorization, dpop: [proofFor(token, { nonce: 'fresh' })] }, { nonce })).proof?.jti).toBe(
      'p-1',
    );
    for (const change of [{}, { nonce: 'stale' }])
      await expect(verify({ authorization, dpop: [proofFor(token, change)] }, { nonce })).rejects.toThrow(
        expect.objectContaining({ code: 'proof_nonce' }),
      );
  });
});

describe('an unbound token', () => {
  const userinfo = { audience: userinfoAudience(issuer), allowUnbound: true };
  const token = tokenWith({ cnf: undefined, aud: userinfo.audience, scope: 'openid' });

  it('is accepted as Bearer at userinfo if userinfo allows it', async () => {
    expect((await verify({ authorization: [`Bearer ${token}`], dpop: [] }, userinfo)).claims).not.toHaveProperty('cnf');
    await expect(
      verify({ authorization: [`Bearer ${token}`], dpop: [] }, { ...userinfo, allowUnbound: false }),
    ).rejects.toThrow(expect.objectContaining({ code: 'token_invalid' }));
  });

  it('is not made a bound one by a proof', async () => {
    await expect(verify({ authorization: [`DPoP ${token}`], dpop: [proofFor(token)] }, userinfo)).rejects.toThrow(
      expect.objectContaining({ code: 'token_scheme' }),
    );
  });

  it('is accepted nowhere else, even if allowed by mistake', async () => {
    const forTheMarket = tokenWith({ cnf: undefined });
    await expect(
      verify({ authorization: [`Bearer ${forTheMarket}`], dpop: [] }, { allowUnbound: true }),
    ).rejects.toThrow(expect.objectContaining({ code: 'token_invalid' }));
  });

  it('does not allow a bound one for userinfo to be sent as Bearer', async () => {
    const bound = tokenWith({ aud: userinfo.audience });
    await expect(verify({ authorization: [`Bearer ${bound}`], dpop: [] }, userinfo)).rejects.toThrow(
      expect.objectContaining({ code: 'token_scheme' }),
    );
  });
});
