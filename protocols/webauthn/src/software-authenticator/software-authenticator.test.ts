import { describe, expect, it } from 'vitest';
import {
  authenticationOptions,
  readAssertion,
  readAttestationTrust,
  readRegistration,
  registrationOptions,
  verifyAuthentication,
  verifyRegistration,
} from '../ceremonies/index.ts';
import { createAttestationAuthority, createSoftwareAuthenticator } from './index.ts';

const origin = 'https://desk.example.com:8443';
const relyingParty = { rpId: 'example.com', origins: [origin] };
const challenge = Buffer.alloc(32, 3).toString('base64url');
const creation = registrationOptions({
  relyingParty,
  name: 'Test',
  user: { handle: 'aGFuZGxl', name: 'anna', displayName: 'Anna' },
  challenge,
  rule: { deviceBound: true, attestation: 'trusted' },
});

describe('an authenticator in software', () => {
  it('continues from its saved state, its manufacturer included', async () => {
    const maker = createAttestationAuthority();
    const first = createSoftwareAuthenticator({ origin, authority: maker });
    const credential = await verifyRegistration({
      registration: readRegistration(first.create(creation)),
      challenge,
      relyingParty,
      trust: readAttestationTrust({ roots: maker.rootPem }),
      at: Date.now(),
    });
    const saved: unknown = JSON.parse(JSON.stringify({ credentials: first.save(), maker: maker.save() }));
    const { credentials, maker: again } = saved as {
      credentials: ReturnType<typeof first.save>;
      maker: ReturnType<typeof maker.save>;
    };
    const second = createSoftwareAuthenticator({
      origin,
      saved: credentials,
      authority: createAttestationAuthority({ saved: again }),
    });
    const response = second.get(authenticationOptions({ relyingParty, challenge }));
    expect(response.response.userHandle).toBe('aGFuZGxl');
    const verified = await verifyAuthentication({
      assertion: readAssertion(response),
      challenge,
      relyingParty,
      registered: credential,
    });
    expect(verified.counter).toBe(1);
    const another = await verifyRegistration({
      registration: readRegistration(second.create(creation)),
      challenge,
      relyingParty,
      trust: readAttestationTrust({ roots: maker.rootPem }),
      at: Date.now(),
    });
    expect(another.attestation).toBe('trusted');
  });

  it('answers only for services of its page, with its own keys', () => {
    const key = createSoftwareAuthenticator({ origin });
    const asked = authenticationOptions({ relyingParty, challenge });
    expect(() => key.get(asked)).toThrow('No credential fits');
    const { id } = key.create(creation);
    expect(key.get({ ...asked, allowCredentials: [{ type: 'public-key', id }] }).id).toBe(id);
    expect(() => key.get({ ...asked, allowCredentials: [{ type: 'public-key', id: 'AAAA' }] })).toThrow(
      'No credential',
    );
    for (const rpId of ['evil.example', 'ample.com', 'desk.example.com.evil'])
      expect(() => key.get({ ...asked, rpId })).toThrow('RP ID');
    expect(() => key.create({})).toThrow('not text');
    expect(() => key.get(undefined)).toThrow('not an object');
  });

  it('answers with its newest matching key', () => {
    const key = createSoftwareAuthenticator({ origin });
    key.create(creation);
    const { id } = key.create(creation);
    expect(key.get(authenticationOptions({ relyingParty, challenge })).id).toBe(id);
  });
});
