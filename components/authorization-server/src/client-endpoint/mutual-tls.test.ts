import { X509Certificate } from 'node:crypto';
import {
  type ClientAuthentication,
  type PresentedCertificate,
  revokedCertificateThing,
  standing,
} from '@countersign/contracts';
import { readCertificate } from '@countersign/oauth';
import { createTestAuthority, type TestCertificate } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, refusalOf } from '../testing/harness.ts';
import { ourDecisions, venueOrders } from '../testing/trading-world.ts';

const authority = createTestAuthority({ name: 'Members CA' });
const member = authority.issue({ subject: 'CN=desk,O=Broker', sans: { dns: ['desk.example'], ip: ['192.0.2.1'] } });
const other = authority.issue({ subject: 'CN=other,O=Broker', sans: { dns: ['other.example'] } });
const selfSigned = authority.issue({ subject: 'CN=desk', selfSigned: true });
const ended = authority.issue({
  subject: 'CN=desk,O=Broker',
  sans: { dns: ['desk.example'] },
  notBefore: new Date('2020-01-01T00:00:00Z'),
  notAfter: new Date('2026-11-23T09:59:59Z'),
});
const byName: ClientAuthentication = { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'desk.example' } };
const bySelf: ClientAuthentication = { method: 'self_signed_tls_client_auth' };

const trusted = ({ der }: TestCertificate): PresentedCertificate => ({ der, chainVerified: true });
const untrusted = ({ der }: TestCertificate): PresentedCertificate => ({ der, chainVerified: false });

/** The order desk, authenticating by certificate, its tokens bound to it. */
function start(authentication: ClientAuthentication, change: object = {}) {
  const harness = createHarness();
  harness.world.changeClient('order-desk', { authentication, binding: 'mtls', ...change });
  const ask = (
    certificate: PresentedCertificate | undefined,
    parameters: Readonly<Record<string, string | undefined>> = {},
    more: { readonly proofs?: readonly string[] } = {},
  ) =>
    harness.server.token(
      harness.requestFor(
        'order-desk',
        {
          grant_type: 'client_credentials',
          scope: 'order:read',
          resource: venueOrders,
          client_assertion: undefined,
          client_assertion_type: undefined,
          client_id: 'order-desk',
          ...parameters,
        },
        { ...more, ...(certificate === undefined ? {} : { certificate }) },
      ),
    );
  return { ...harness, ask };
}

describe('mutual TLS with an authority (tls_client_auth)', () => {
  it('authenticates the client by its registered name and binds its tokens to the certificate', async () => {
    const { ask, audit } = start(byName);
    const response = await ask(trusted(member));
    expect(response.token_type).toBe('Bearer');
    expect(claimsOf(response)['cnf']).toEqual({ 'x5t#S256': member.thumbprint });
    expect(audit.last()).toMatchObject({
      type: 'token.issued',
      client: 'order-desk',
      authentication: { method: 'tls_client_auth' },
    });
  });

  it('records the presented certificate, whether it is accepted or not', async () => {
    const { ask, audit } = start(byName);
    const shown = ({ der, thumbprint }: TestCertificate) => ({
      serial: new X509Certificate(der).serialNumber.toLowerCase(),
      thumbprint,
    });
    await ask(trusted(member));
    expect(audit.last()).toMatchObject({ type: 'token.issued', certificate: shown(member) });
    await refusalOf(ask(trusted(other)));
    expect(audit.last()).toMatchObject({ type: 'client.refused', certificate: shown(other) });
  });

  it.each([
    ['a certificate of no trusted authority', untrusted(member), {}, 'client_certificate_untrusted'],
    ['a self-signed certificate with the name', untrusted(selfSigned), {}, 'client_certificate_untrusted'],
    ['a certificate of another name', trusted(other), {}, 'client_certificate_name'],
    ['a certificate that has expired', trusted(ended), {}, 'client_certificate_expired'],
    ['what is no certificate', { der: Buffer.from('certificate'), chainVerified: true }, {}, 'certificate_malformed'],
    ['the name of no client', trusted(member), { client_id: 'nobody' }, 'client_authentication_method'],
    ['the name of a client with keys', trusted(member), { client_id: 'vwap-engine' }, 'client_authentication_method'],
  ] as const)('refuses %s and records it for the client', async (_, certificate, parameters, reason) => {
    const { ask, audit } = start(byName);
    expect(await refusalOf(ask(certificate, parameters))).toMatchObject({ code: 'invalid_client', reason });
    expect(audit.last()).toMatchObject({ type: 'client.refused', reason, data: { endpoint: 'token' } });
  });

  it.each([
    ['no certificate', undefined, {}, 'client_authentication_missing'],
    ['no client_id', trusted(member), { client_id: undefined }, 'client_id_missing'],
    ['a client secret beside it', trusted(member), { client_secret: 'secret' }, 'client_authentication_missing'],
    [
      'half an assertion beside it',
      trusted(member),
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
      'client_authentication_missing',
    ],
  ] as const)(
    'refuses a request with %s, which authenticates no client',
    async (_, certificate, parameters, reason) => {
      const { ask, audit } = start(byName);
      expect(await refusalOf(ask(certificate, parameters))).toMatchObject({ code: 'invalid_client', reason });
      expect(audit.records).toEqual([]);
    },
  );

  it('refuses both methods at once, and an assertion alone even though its key is registered', async () => {
    const { ask, assertion } = start(byName);
    const both = {
      client_assertion: assertion('order-desk'),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    };
    for (const certificate of [trusted(member), undefined])
      expect(await refusalOf(ask(certificate, both))).toMatchObject({
        code: 'invalid_client',
        reason: 'client_authentication_method',
      });
  });

  it('refuses a proof beside the certificate, because the token would not be bound to its key', async () => {
    const { ask, proof, dpopKeyOf } = start(byName);
    const proofs = [proof(dpopKeyOf('order-desk'))];
    expect(await refusalOf(ask(trusted(member), {}, { proofs }))).toMatchObject({
      code: 'invalid_dpop_proof',
      reason: 'proof_unexpected',
    });
  });

  it('requires a proof if the tokens of the client are bound by DPoP', async () => {
    const { ask, proof, dpopKeyOf } = start(byName, { binding: 'dpop' });
    expect(await refusalOf(ask(trusted(member), {}, { proofs: [] }))).toMatchObject({
      code: 'invalid_dpop_proof',
      reason: 'proof_missing',
    });
    const response = await ask(trusted(member), {}, { proofs: [proof(dpopKeyOf('order-desk'))] });
    expect(claimsOf(response)['cnf']).toEqual({ jkt: dpopKeyOf('order-desk').kid });
  });
});

describe('mutual TLS with a registered certificate (self_signed_tls_client_auth)', () => {
  const keys = (registeredAt: number, certificate = selfSigned) => [
    { jwk: {}, thumbprint: 'x', certificateThumbprint: certificate.thumbprint, registeredAt },
  ];
  const recently = Date.parse('2026-11-01T00:00:00Z');

  it('authenticates the client by the registered certificate, whoever issued it', async () => {
    const { ask } = start(bySelf, { keys: keys(recently) });
    expect(claimsOf(await ask(untrusted(selfSigned)))['cnf']).toEqual({ 'x5t#S256': selfSigned.thumbprint });
  });

  it('refuses any other certificate, including a trusted one with the same name', async () => {
    const { ask } = start(bySelf, { keys: keys(recently) });
    for (const certificate of [untrusted(other), trusted(member)])
      expect(await refusalOf(ask(certificate))).toMatchObject({
        code: 'invalid_client',
        reason: 'client_certificate_unknown',
      });
  });

  it('refuses a registered certificate that has expired or was registered too long ago', async () => {
    const expired = start(bySelf, { keys: keys(recently, ended) });
    expect(await refusalOf(expired.ask(untrusted(ended)))).toMatchObject({ reason: 'client_certificate_expired' });
    const old = start(bySelf, { keys: keys(Date.parse('2025-11-22T00:00:00Z')) });
    expect(await refusalOf(old.ask(untrusted(selfSigned)))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_key_expired',
    });
  });
});

describe('a certificate that our authority has revoked', () => {
  const serialOf = ({ der }: TestCertificate) => new X509Certificate(der).serialNumber.toLowerCase().padStart(32, '0');
  /** What the certificate authority records. */
  const revoke = ({ audit, newRecordId }: ReturnType<typeof start>, certificate: TestCertificate) =>
    audit.append({
      ...{ id: newRecordId(), type: 'certificate.revoked', source: 'certificate-authority', outcome: 'done' },
      standing: [standing(revokedCertificateThing(serialOf(certificate)), { reason: 'keyCompromise' })],
    });

  it('authenticates nobody any more, and the refusal is recorded', async () => {
    const running = start(byName);
    await revoke(running, other);
    await running.ask(trusted(member));
    await revoke(running, member);
    expect(await refusalOf(running.ask(trusted(member)))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_certificate_revoked',
    });
    expect(running.audit.last()).toMatchObject({
      type: 'client.refused',
      client: 'order-desk',
      outcome: 'deny',
      reason: 'client_certificate_revoked',
      certificate: { thumbprint: member.thumbprint },
    });
  });

  it('binds no token of a client that authenticates otherwise', async () => {
    const running = start({ method: 'private_key_jwt' });
    await revoke(running, member);
    const assertion = {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: running.assertion('order-desk'),
      client_id: undefined,
    };
    expect(await refusalOf(running.ask(trusted(member), assertion))).toMatchObject({
      reason: 'client_certificate_revoked',
    });
  });

  it('ends the tokens that are bound to it, at our own interfaces', async () => {
    const running = start(byName, { scopes: ['decision:evaluate'], audiences: [ourDecisions] });
    const { access_token: token } = await running.ask(trusted(member), {
      scope: 'decision:evaluate',
      resource: ourDecisions,
    });
    const request = {
      ...{ method: 'GET', url: `${ourDecisions}/evaluation`, authorization: [`Bearer ${token}`], dpop: [] },
      certificate: trusted(member),
    };
    const guard = running.server.guard(ourDecisions);
    expect(await guard.check(request, { scope: 'decision:evaluate' })).toMatchObject({ client: 'order-desk' });
    await revoke(running, member);
    expect(await refusalOf(guard.check(request, { scope: 'decision:evaluate' }))).toMatchObject({
      code: 'token_revoked',
    });
    expect(running.audit.last()).toMatchObject({ type: 'access.refused', outcome: 'deny', reason: 'token_revoked' });
  });

  it('lets nobody in while the log does not answer', async () => {
    const running = start(byName);
    running.audit.breakDown('reading');
    expect(await refusalOf(running.ask(trusted(member)))).toMatchObject({ code: 'temporarily_unavailable' });
  });
});

describe('certificate-bound tokens of a client that authenticates by private_key_jwt', () => {
  const assertive = {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_id: undefined,
  };

  it('are bound to the certificate of the connection, which does not authenticate the client', async () => {
    const { ask, assertion } = start({ method: 'private_key_jwt' });
    const response = await ask(untrusted(other), { ...assertive, client_assertion: assertion('order-desk') });
    expect(claimsOf(response)['cnf']).toEqual({ 'x5t#S256': other.thumbprint });
  });

  it('are refused without a certificate and with an expired one', async () => {
    const { ask, assertion } = start({ method: 'private_key_jwt' });
    const fresh = () => ({ ...assertive, client_assertion: assertion('order-desk') });
    expect(await refusalOf(ask(undefined, fresh()))).toMatchObject({
      code: 'invalid_request',
      reason: 'certificate_needed',
    });
    expect(await refusalOf(ask(untrusted(ended), fresh()))).toMatchObject({ reason: 'client_certificate_expired' });
  });

  it('are not issued for the certificate alone', async () => {
    const { ask } = start({ method: 'private_key_jwt' });
    expect(await refusalOf(ask(trusted(member)))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_authentication_method',
    });
  });
});

describe('a certificate that would authenticate two clients', () => {
  const both = authority.issue({
    subject: 'CN=desk,O=Broker',
    sans: { dns: ['desk.example'], ip: ['192.0.2.1'], email: ['desk@mail.example'] },
  });
  const byAnother = {
    subject: { kind: 'subject_dn', value: 'commonName=\uff44esk,2.5.4.10=BROKER' },
    address: { kind: 'san_ip', value: '::ffff:192.0.2.1' },
    email: { kind: 'san_email', value: 'desk@MAIL.example' },
  } as const;

  it.each(Object.entries(byAnother))('is refused for both, and the record names the other: %s', async (_, name) => {
    const { ask, audit, world } = start(byName);
    world.changeClient('venue-gateway', {
      authentication: { method: 'tls_client_auth', name },
      binding: 'mtls',
    });
    const refused = { code: 'invalid_client', reason: 'client_credential_shared' };
    expect(await refusalOf(ask(trusted(both)))).toMatchObject(refused);
    expect(audit.last()).toMatchObject({
      type: 'client.refused',
      client: 'order-desk',
      reason: 'client_credential_shared',
      data: { endpoint: 'token', shared_with: 'venue-gateway' },
    });
    expect(await refusalOf(ask(trusted(both), { client_id: 'venue-gateway' }))).toMatchObject(refused);
  });

  it('is refused if another client has registered its key or the certificate itself', async () => {
    const { ask, audit, world } = start(byName);
    const certificate = readCertificate(both.der);
    world.changeClient('venue-gateway', {
      keys: [
        {
          jwk: {},
          thumbprint: certificate.keyThumbprint ?? '',
          certificateThumbprint: certificate.thumbprint,
          registeredAt: 0,
        },
      ],
    });
    expect(await refusalOf(ask(trusted(both)))).toMatchObject({ reason: 'client_credential_shared' });
    expect(audit.last()).toMatchObject({ data: { shared_with: 'venue-gateway' } });
  });

  it('stays with the client that presented it first if its name is registered to another client later', async () => {
    const { ask, world } = start(byName);
    await ask(trusted(both));
    world.changeClient('order-desk', {
      authentication: { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'new.example' } },
    });
    world.changeClient('venue-gateway', {
      authentication: byName,
      binding: 'mtls',
    });
    expect(await refusalOf(ask(trusted(both), { client_id: 'venue-gateway' }))).toMatchObject({
      reason: 'client_credential_shared',
    });
  });

  it('authenticates one client if its other names belong to no client', async () => {
    const { ask } = start(byName);
    expect((await ask(trusted(both))).token_type).toBe('Bearer');
    expect((await ask(trusted(both))).token_type).toBe('Bearer');
  });
});
