import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cbor, readCbor, writeCbor } from '../cbor.ts';
import {
  type CeremonyBehaviour,
  createAttestationAuthority,
  createSoftwareAuthenticator,
  type RegistrationResponse,
  type SoftwareAuthenticatorOptions,
} from '../software-authenticator/index.ts';
import {
  type AttestationTrust,
  authenticationOptions,
  judgeRegistration,
  noAttestationTrust,
  readAssertion,
  readAttestationTrust,
  readRegistration,
  registrationOptions,
  strictestRule,
  verifyAuthentication,
  verifyRegistration,
} from './index.ts';

const origin = 'https://id.example.com';
const relyingParty = { rpId: 'id.example.com', origins: [origin] };
const at = Date.parse('2026-11-21T09:30:00Z');
const clock = { now: () => at };
const challengeOf = (octet: number): string => Buffer.alloc(32, octet).toString('base64url');
const challenge = challengeOf(7);
const user = { handle: Buffer.alloc(16, 1).toString('base64url'), name: 'anna', displayName: 'Anna' };
const anyRule = { deviceBound: false, attestation: 'any' } as const;
const hardwareRule = { deviceBound: true, attestation: 'trusted' } as const;

const authority = createAttestationAuthority({ clock });
const trust = readAttestationTrust({ roots: authority.rootPem });
const newKey = (options: Partial<SoftwareAuthenticatorOptions> = {}) =>
  createSoftwareAuthenticator({ origin, authority, ...options });
const creation = registrationOptions({ relyingParty, name: 'Countersign', user, challenge, rule: hardwareRule });

const register = (response: unknown, trusted: AttestationTrust = trust) =>
  verifyRegistration({ registration: readRegistration(response), challenge, relyingParty, trust: trusted, at });

/** A registered key, and how its assertions are judged. */
async function registered(options: Partial<SoftwareAuthenticatorOptions> = {}) {
  const key = newKey(options);
  const credential = await register(key.create(creation));
  let counter = credential.counter;
  return {
    key,
    credential,
    async authenticate(behaviour: CeremonyBehaviour = {}, asked = challengeOf(9)) {
      const response = key.get(
        authenticationOptions({ relyingParty, challenge: asked, allow: [credential] }),
        behaviour,
      );
      const verified = await verifyAuthentication({
        assertion: readAssertion(JSON.stringify(response)),
        challenge: challengeOf(9),
        relyingParty,
        registered: { ...credential, counter },
      });
      counter = verified.counter;
      return verified;
    },
  };
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return 'ok';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

describe('a registration', () => {
  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256'] as const)(
    'by %s is identified by its key and usable later',
    async (algorithm) => {
      const { credential, authenticate } = await registered({ algorithm });
      expect(credential).toMatchObject({
        attestation: 'trusted',
        attestationFormat: 'packed',
        backupEligible: false,
        counter: 0,
        transports: ['usb'],
        rpId: 'id.example.com',
        origin,
      });
      expect(judgeRegistration(credential, hardwareRule)).toEqual({ ok: true });
      expect((await authenticate()).signature).toMatchObject({ credential_id: credential.credentialId, origin });
    },
  );

  it.each<[string, CeremonyBehaviour]>([
    ['origin_wrong', { origin: 'https://evil.example' }],
    ['origin_wrong', { crossOrigin: true }],
    ['rp_id_wrong', { rpId: 'evil.example' }],
    ['challenge_mismatch', { challenge: challengeOf(8) }],
    ['user_not_present', { userPresent: false }],
    ['user_not_verified', { userVerified: false }],
    ['backup_flags_changed', { backupEligible: false, backedUp: true }],
  ])('is refused with %s', async (code, behaviour) => {
    expect(await codeOf(register(newKey().create(creation, behaviour)))).toBe(code);
  });

  it('and an assertion are refused in place of each other', async () => {
    const { key } = await registered();
    const assertion = key.get(authenticationOptions({ relyingParty, challenge }));
    expect(() => readRegistration(assertion)).toThrow('credential_malformed');
    expect(() => readAssertion(newKey().create(creation))).toThrow('credential_malformed');
  });

  it('is refused as text with a repeated member', () => {
    const text = JSON.stringify(newKey().create(creation));
    expect(readRegistration(text)).toBeDefined();
    expect(() => readRegistration(text.replace('{"id":', '{"id":"AAAA","id":'))).toThrow('credential_malformed');
  });

  it('is refused when its id is not that of its credential, or too long', async () => {
    const response = newKey().create(creation);
    for (const id of ['AAAA', Buffer.alloc(1_024).toString('base64url'), ''])
      await expect(async () => register({ ...response, id, rawId: id })).rejects.toThrow('credential_malformed');
    await expect(async () => register({ ...response, rawId: 'AAAA' })).rejects.toThrow('credential_malformed');
  });

  it('gives a coded error or an untrusted result for arbitrary input', { timeout: 120_000 }, async () => {
    const response = newKey().create(creation);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('clientDataJSON', 'attestationObject'),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 6 }),
        async (part, place, octets) => {
          const changed = Buffer.from(response.response[part], 'base64url');
          changed.set(octets.subarray(0, changed.length - (place % changed.length)), place % changed.length);
          const text = changed.toString('base64url');
          if (text === response.response[part]) return;
          const forged = { ...response, response: { ...response.response, [part]: text } };
          // If the manufacturer's certificate was changed, the rest is valid and the result is untrusted.
          const worth: string[] = [];
          // Rethrows an error without a code.
          await codeOf((async () => worth.push((await register(forged)).attestation))());
          expect(worth).not.toContain('trusted');
        },
      ),
      { numRuns: 200 },
    );
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (value) => {
        expect(await codeOf((async () => register(value))())).toBe('credential_malformed');
      }),
    );
  });
});

describe('an attestation', () => {
  it.each([
    ['self', { attestation: 'self' }, 'attestation_required'],
    ['none', { attestation: 'none' }, 'attestation_required'],
    ['untrusted', { authority: createAttestationAuthority({ clock }) }, 'attestation_untrusted'],
  ] as const)('that is %s proves nothing', async (worth, options, code) => {
    const { credential } = await registered(options);
    expect(credential.attestation).toBe(worth);
    expect(judgeRegistration(credential, hardwareRule)).toMatchObject({ ok: false, code });
    expect(judgeRegistration(credential, { ...anyRule, attestation: 'trusted' })).toMatchObject({ ok: false, code });
    expect(judgeRegistration(credential, anyRule)).toEqual({ ok: true });
  });

  it('proves nothing without a trusted root, or with an expired certificate', async () => {
    expect((await register(newKey().create(creation), noAttestationTrust)).attestation).toBe('untrusted');
    const registration = readRegistration(newKey().create(creation));
    const later = at + 20 * 365 * 86_400_000;
    const judged = await verifyRegistration({ registration, challenge, relyingParty, trust, at: later });
    expect(judged.attestation).toBe('untrusted');
  });

  it('that is false is refused under all rules', async () => {
    const response = newKey().create(creation);
    for (const change of [
      (statement: Map<string, Cbor>) => statement.set('sig', Buffer.alloc(70)),
      (statement: Map<string, Cbor>) => statement.set('alg', -8),
      (statement: Map<string, Cbor>) => statement.delete('sig'),
      (statement: Map<string, Cbor>) => statement.set('x5c', []),
      (statement: Map<string, Cbor>) => statement.set('x5c', [Buffer.from('no certificate')]),
      (statement: Map<string, Cbor>) => statement.set('x5c', ['text']),
      (statement: Map<string, Cbor>) => statement.set('x5c', [authority.issue(newKey().aaguid).certificate]),
    ])
      expect(await codeOf(register(withStatement(response, change)))).toBe('attestation_untrusted');
  });

  it('by the key itself cannot pass for one of a manufacturer', async () => {
    const own = newKey({ attestation: 'self' }).create(creation);
    const { certificate } = authority.issue(newKey().aaguid);
    expect(await codeOf(register(withStatement(own, (statement) => statement.set('x5c', [certificate]))))).toBe(
      'attestation_untrusted',
    );
  });

  it('for another model is refused', async () => {
    const key = newKey();
    const stranger = authority.issue('11111111-2222-3333-4444-555555555555');
    const mine = { ...authority, issue: () => stranger };
    expect(await codeOf(register(newKey({ authority: mine, aaguid: key.aaguid }).create(creation)))).toBe(
      'attestation_untrusted',
    );
  });

  it.each(['android-key', 'android-safetynet', 'compound', 'invented'])(
    'of format %s is not accepted',
    async (format) => {
      const response = newKey().create(creation);
      const object = readCbor(Buffer.from(response.response.attestationObject, 'base64url'));
      if (!(object instanceof Map)) throw new Error('no map');
      const attestationObject = Buffer.from(writeCbor(new Map([...object, ['fmt', format]]))).toString('base64url');
      expect(await codeOf(register({ ...response, response: { ...response.response, attestationObject } }))).toBe(
        'attestation_untrusted',
      );
    },
  );

  function withStatement(
    response: RegistrationResponse,
    change: (statement: Map<string, Cbor>) => unknown,
  ): RegistrationResponse {
    const object = readCbor(Buffer.from(response.response.attestationObject, 'base64url'));
    const statement = object instanceof Map ? object.get('attStmt') : undefined;
    if (!(object instanceof Map) || !(statement instanceof Map)) throw new Error('no attestation object');
    const changed = new Map<string, Cbor>([...statement]);
    change(changed);
    const attestationObject = Buffer.from(
      writeCbor(
        new Map<string, Cbor>([
          ['fmt', 'packed'],
          ['attStmt', changed],
          ['authData', object.get('authData') ?? null],
        ]),
      ),
    ).toString('base64url');
    return { ...response, response: { ...response.response, attestationObject } };
  }
});

describe('an authentication', () => {
  it('is refused for another credential and from another key', async () => {
    const one = await registered();
    const other = await registered();
    const response = one.key.get(authenticationOptions({ relyingParty, challenge }));
    const held = { challenge, relyingParty, registered: other.credential };
    expect(await codeOf(verifyAuthentication({ assertion: readAssertion(response), ...held }))).toBe(
      'credential_unknown',
    );
    const { credentialId: id } = other.credential;
    const renamed = readAssertion({ ...response, id, rawId: id });
    expect(await codeOf(verifyAuthentication({ assertion: renamed, ...held }))).toBe('signature_wrong');
  });

  it.each<[string, CeremonyBehaviour]>([
    ['origin_wrong', { origin: 'https://evil.example' }],
    ['rp_id_wrong', { rpId: 'evil.example' }],
    ['challenge_mismatch', { challenge: challengeOf(8) }],
    ['user_not_present', { userPresent: false }],
    ['user_not_verified', { userVerified: false }],
    ['backup_flags_changed', { backupEligible: true, backedUp: false }],
    ['backup_flags_changed', { backupEligible: false, backedUp: true }],
  ])('is refused with %s', async (code, behaviour) => {
    const { authenticate } = await registered();
    expect(await codeOf(authenticate(behaviour))).toBe(code);
    expect(await codeOf(authenticate())).toBe('ok');
  });

  it('is refused when a passkey states that it can no longer be copied', async () => {
    const { authenticate, credential } = await registered({ backupEligible: true });
    expect(credential).toMatchObject({ backupEligible: true, backedUp: true });
    expect(await codeOf(authenticate({ backupEligible: false, backedUp: false }))).toBe('backup_flags_changed');
    // The current backup state may change.
    expect(await codeOf(authenticate({ backedUp: false }))).toBe('ok');
  });

  it('is refused if the counter does not rise, goes back, or restarts', async () => {
    const { authenticate } = await registered();
    await authenticate({ counter: 10 });
    for (const counter of [10, 9, 1, 0]) expect(await codeOf(authenticate({ counter }))).toBe('counter_rolled_back');
    expect(await codeOf(authenticate({ counter: 11 }))).toBe('ok');
  });

  it('accepts keys without a counter', async () => {
    const { authenticate } = await registered({ counts: false });
    expect((await authenticate()).counter).toBe(0);
    expect((await authenticate()).counter).toBe(0);
  });

  it('reports a copy only from signed data', async () => {
    const { key, credential } = await registered();
    const response = key.get(authenticationOptions({ relyingParty, challenge }), { counter: 1 });
    const forged = readAssertion({
      ...response,
      response: { ...response.response, signature: Buffer.alloc(70, 1).toString('base64url') },
    });
    const held = { challenge, relyingParty, registered: { ...credential, counter: 5 } };
    expect(await codeOf(verifyAuthentication({ assertion: forged, ...held }))).toBe('signature_wrong');
    expect(await codeOf(verifyAuthentication({ assertion: readAssertion(response), ...held }))).toBe(
      'counter_rolled_back',
    );
  });

  it('is read within bounds, or refused', () => {
    const response = { authenticatorData: 'AAAA', clientDataJSON: 'AAAA', signature: 'AAAA' };
    const proper = { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response };
    expect(readAssertion(proper).credentialId).toBe('AAAA');
    expect(readAssertion({ ...proper, response: { ...response, userHandle: null } }).userHandle).toBeUndefined();
    for (const hostile of [
      { ...proper, type: 'password' },
      { ...proper, id: 'AA=A' },
      { ...proper, response: undefined },
      { ...proper, response: { ...response, signature: 'A'.repeat(700) } },
      { ...proper, response: { ...response, clientDataJSON: 'A'.repeat(6_000) } },
      { ...proper, response: { ...response, authenticatorData: 'A'.repeat(12_000) } },
      { ...proper, response: { ...response, userHandle: 'A'.repeat(88) } },
      { ...proper, response: { ...response, userHandle: 7 } },
      '{',
      'x'.repeat(200_000),
      [],
      null,
    ])
      expect(() => readAssertion(hostile)).toThrow('credential_malformed');
  });
});

describe('a rule', () => {
  const proper = {
    backupEligible: false,
    aaguid: newKey().aaguid,
    attestation: 'trusted',
    attestationFormat: 'packed',
  } as const;

  it('for device-bound keys refuses a synced passkey from every manufacturer', async () => {
    const { credential } = await registered({ backupEligible: true });
    expect(credential.attestation).toBe('trusted');
    expect(judgeRegistration(credential, hardwareRule)).toMatchObject({ code: 'device_bound_required' });
    expect(judgeRegistration(credential, { ...hardwareRule, deviceBound: false })).toEqual({ ok: true });
  });

  it('accepts only the models and formats that it names', () => {
    expect(judgeRegistration(proper, { ...hardwareRule, aaguids: [proper.aaguid] })).toEqual({ ok: true });
    expect(judgeRegistration(proper, { ...hardwareRule, aaguids: [] })).toMatchObject({
      code: 'authenticator_model_refused',
    });
    expect(judgeRegistration(proper, { ...hardwareRule, formats: ['tpm'] })).toMatchObject({
      code: 'authenticator_model_refused',
    });
  });

  it('applies reports about a model to already registered keys', () => {
    const metadata = (model: object) =>
      readAttestationTrust({ metadata: JSON.stringify([{ aaguid: proper.aaguid, description: 'Key 5', ...model }]) });
    const revoked = metadata({ statusReports: [{ status: 'FIDO_CERTIFIED' }, { status: 'REVOKED' }] });
    expect(judgeRegistration(proper, anyRule, revoked)).toMatchObject({ code: 'authenticator_model_refused' });
    const software = metadata({ keyProtection: ['software'] });
    expect(judgeRegistration(proper, hardwareRule, software)).toMatchObject({ code: 'device_bound_required' });
    const fine = metadata({
      keyProtection: ['hardware', 'secure_element'],
      statusReports: [{ status: 'UPDATE_AVAILABLE' }],
    });
    expect(judgeRegistration(proper, hardwareRule, fine)).toEqual({ ok: true });
  });

  it('for several roles is as strict as all of them', () => {
    expect(strictestRule([])).toEqual(anyRule);
    expect(
      strictestRule([
        { ...anyRule, aaguids: ['a', 'b'] },
        { deviceBound: true, attestation: 'any', formats: ['packed'] },
        { deviceBound: false, attestation: 'trusted', aaguids: ['b', 'c'] },
      ]),
    ).toEqual({ deviceBound: true, attestation: 'trusted', aaguids: ['b'], formats: ['packed'] });
  });

  it('requests an attestation from browsers only if it needs one', () => {
    const asked = (rule: Parameters<typeof registrationOptions>[0]['rule']) =>
      registrationOptions({ relyingParty, name: 'Countersign', user, challenge, rule })['attestation'];
    expect(asked(anyRule)).toBe('none');
    for (const rule of [hardwareRule, { ...anyRule, deviceBound: true }, { ...anyRule, aaguids: [] }])
      expect(asked(rule)).toBe('direct');
  });
});

describe('the options sent to browsers', () => {
  it('request a discoverable key with user verification, other than the person’s existing keys', () => {
    const key = newKey();
    const { id: credentialId } = key.create(creation);
    const options = registrationOptions({
      relyingParty,
      name: 'Countersign',
      user,
      challenge,
      rule: hardwareRule,
      exclude: [{ credentialId, transports: ['usb'] }],
    });
    expect(options).toMatchObject({
      rp: { id: 'id.example.com', name: 'Countersign' },
      user: { id: user.handle },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: [{ type: 'public-key', id: credentialId, transports: ['usb'] }],
    });
    expect(() => key.create(options)).toThrow('registered already');
  });

  it('name no credential if no person is known', () => {
    expect(authenticationOptions({ relyingParty, challenge })).toEqual({
      challenge,
      rpId: 'id.example.com',
      timeout: 120_000,
      allowCredentials: [],
      userVerification: 'required',
    });
  });
});
