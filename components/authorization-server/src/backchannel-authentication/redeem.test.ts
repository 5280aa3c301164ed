import type { TokenResponse } from '@countersign/contracts';
import { sha256Base64Url } from '@countersign/kernel';
import { importVerificationKey, readCertificate, verifyIdToken } from '@countersign/oauth';
import { createSelfSigned, makeKey } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, refusalOf } from '../testing/harness.ts';
import { broker, ourUserinfo, venueOrders } from '../testing/trading-world.ts';
import { anna, type CibaWorld, createCibaWorld, type Fields, issuer } from './testing/ciba-world.ts';

let world: CibaWorld;
beforeAll(async () => {
  world = await createCibaWorld({ options: { maxOutstandingForPerson: 1_000 } });
});
afterAll(() => world.close());
afterEach(() => {
  world.audit.repair();
  world.world.changeClient('trading-desk', { binding: 'dpop' });
  world.policyEngine.denyWith(undefined);
});

const as = (code: string, reason: string) => expect.objectContaining({ code, reason });
const pending = as('authorization_pending', 'not_decided_yet');
const slowDown = as('slow_down', 'polled_too_soon');
const redeemedBefore = as('invalid_grant', 'auth_req_id_redeemed');
const poll = (authReqId: string | undefined, by: Parameters<CibaWorld['redeem']>[1] = {}) =>
  refusalOf(world.redeem(authReqId, by));
async function asked(change: Fields = {}, by: Parameters<CibaWorld['ask']>[1] = {}): Promise<string> {
  return (await world.ask(world.plain(change), by)).auth_req_id;
}
async function allowed(change: Fields = {}, by: Parameters<CibaWorld['ask']>[1] = {}): Promise<string> {
  const id = await asked(change, by);
  expect((await world.decide(id, 'allow')).statusCode).toBe(303);
  return id;
}

describe('the CIBA grant', () => {
  it('issues a token on behalf of the person who allowed it, with an ID token without a session', async () => {
    const id = await allowed();
    const requested = world.audit.records.findLast(({ type }) => type === 'backchannel.requested');
    const given = world.audit.records.findLast(({ type }) => type === 'consent.given');
    const response = await world.redeem(id);
    expect(response).toMatchObject({ token_type: 'DPoP', expires_in: 300, scope: 'openid order:read' });
    expect(claimsOf(response)).toMatchObject({
      sub: anna,
      act: { sub: 'service:trading-desk' },
      client_id: 'trading-desk',
      lei: broker,
      aud: venueOrders,
      scope: 'order:read',
      cnf: { jkt: world.dpopKeyOf('trading-desk').kid },
      grant: expect.stringMatching(/^[\w-]{43}$/),
    });
    const [key] = world.signer.idTokenKeys;
    const idToken = verifyIdToken(response.id_token ?? '', {
      issuer,
      clientId: 'trading-desk',
      accessToken: response.access_token,
      keyOf: (kid) => (kid === key?.kid ? importVerificationKey(key.jwk) : undefined),
      now: world.clock.now(),
    });
    expect(idToken).toMatchObject({ sub: anna });
    expect(idToken).not.toHaveProperty('sid');
    const record = world.audit.last();
    expect(record).toMatchObject({
      type: 'token.issued',
      subject: { id: anna, institution: broker },
      data: {
        grant_type: 'urn:openid:params:grant-type:ciba',
        token_sha256: sha256Base64Url(response.access_token),
      },
    });
    expect(record.references).toEqual(expect.arrayContaining([requested?.id, given?.id]));
    expect(JSON.stringify(world.audit.records)).not.toContain(id);
  });

  it('checks mandate and policies for the allowed intent and opens its transaction', async () => {
    const change = {
      authorization_details: JSON.stringify([world.order({ idempotency_key: 'redeem-1' })]),
      scope: undefined,
    };
    const response = await world.redeem(await allowed(change));
    expect(response.authorization_details).toMatchObject([{ idempotency_key: 'redeem-1', max_qty: '100' }]);
    expect(claimsOf(response)).toMatchObject({ txn: response.txn, mandate: { id: world.consentStore.mandate.id } });
    world.policyEngine.denyWith({ code: 'four_eyes', detail: 'Not alone.' });
    expect(await poll(await allowed(change))).toEqual(as('access_denied', 'four_eyes'));
  });

  it('issues no market scope without the intent that was allowed with it', async () => {
    const id = await allowed({ scope: 'order:create order:read' });
    expect(await poll(id)).toEqual(as('invalid_authorization_details', 'details_missing'));
  });

  it('issues no more than was allowed', async () => {
    expect(await poll(await allowed(), { fields: { scope: 'order:create' } })).toEqual(
      as('invalid_scope', 'scope_wider'),
    );
    expect(await poll(await allowed(), { fields: { scope: 'offline_access order:read' } })).toEqual(
      as('invalid_scope', 'scope_wider'),
    );
    const wider = JSON.stringify([world.order({ max_qty: '101' })]);
    const id = await allowed({ authorization_details: JSON.stringify([world.order()]), scope: 'order:create' });
    expect(await poll(id, { fields: { authorization_details: wider } })).toEqual(
      as('invalid_authorization_details', 'details_wider'),
    );
  });

  it('issues a token for userinfo if only the sign-in was requested', async () => {
    const response = await world.redeem(await allowed({ scope: 'openid', resource: undefined }));
    expect(claimsOf(response)).toMatchObject({ aud: ourUserinfo, scope: 'openid' });
  });

  it('issues a working refresh token with offline_access', async () => {
    const response = await world.redeem(await allowed({ scope: 'offline_access order:read' }));
    expect(response.refresh_token).toEqual(expect.any(String));
    const again = await world.redeem(undefined, {
      fields: { grant_type: 'refresh_token', refresh_token: response.refresh_token },
    });
    expect(claimsOf(again)).toMatchObject({ sub: anna, aud: venueOrders, scope: 'order:read' });
  });

  it('releases nothing that cannot be recorded, and the auth_req_id stays used', async () => {
    const id = await allowed();
    world.audit.breakDown();
    expect(await poll(id)).toMatchObject({ code: 'temporarily_unavailable' });
    world.audit.repair();
    expect(await poll(id)).toEqual(redeemedBefore);
  });

  it('issues nothing for a request made while the clock was ahead', async () => {
    world.clock.advance(3_600_000);
    const id = await allowed();
    world.clock.advance(-3_600_000);
    expect(await poll(id)).toEqual(as('expired_token', 'auth_req_id_expired'));
  });

  it('issues nothing after the consent has ended, the person has left, or the client has left', async () => {
    const id = await allowed();
    const grant = world.grantOf(id);
    await world.consentStore.grants.revoke(grant, { id: anna }, 'changed_my_mind');
    expect(await poll(id)).toEqual(as('invalid_grant', 'grant_ended'));
    const other = await createCibaWorld();
    const { auth_req_id } = await other.ask();
    await other.decide(auth_req_id, 'allow');
    other.world.remove('principal', anna);
    expect(await refusalOf(other.redeem(auth_req_id))).toEqual(as('invalid_grant', 'grant_person_unknown'));
    await other.close();
  });

  it('requires a valid auth_req_id of the same client', async () => {
    expect(await poll(undefined)).toEqual(as('invalid_request', 'parameter_missing'));
    const unknown = as('invalid_grant', 'auth_req_id_unknown');
    for (const none of ['x', 'x'.repeat(43), 'é'.repeat(43), 'x'.repeat(60_000)])
      expect(await poll(none)).toEqual(unknown);
    world.world.changeClient('order-desk', { grantTypes: ['urn:openid:params:grant-type:ciba'] });
    const id = await allowed();
    expect(await poll(id, { clientId: 'order-desk' })).toEqual(unknown);
    expect(await world.redeem(id)).toMatchObject({ token_type: 'DPoP' });
  });

  it('is available only to clients registered for it', async () => {
    const id = await allowed();
    world.world.changeClient('trading-desk', { grantTypes: ['refresh_token'] });
    expect(await poll(id)).toEqual(as('unauthorized_client', 'grant_not_allowed'));
    world.world.changeClient('trading-desk', { grantTypes: ['urn:openid:params:grant-type:ciba', 'refresh_token'] });
  });
});

describe('a backchannel request with a proof', () => {
  it('is redeemed only with the same key, and a wrong key does not use it up', async () => {
    const proofKey = makeKey();
    const id = await allowed({}, { proofKey });
    const other = as('invalid_grant', 'auth_req_id_key');
    expect(await poll(id)).toEqual(other);
    expect(claimsOf(await world.redeem(id, { proofKey }))).toMatchObject({ cnf: { jkt: proofKey.kid } });
  });

  it('is bound by dpop_jkt in the same way, and to one key', async () => {
    const proofKey = makeKey();
    const id = await allowed({ dpop_jkt: proofKey.kid });
    expect(await poll(id)).toEqual(as('invalid_grant', 'auth_req_id_key'));
    expect(await world.redeem(id, { proofKey })).toMatchObject({ token_type: 'DPoP' });
    expect(await refusalOf(asked({ dpop_jkt: makeKey().kid }, { proofKey }))).toEqual(
      as('invalid_dpop_proof', 'dpop_key_differs'),
    );
  });

  it('is bound only by the client’s authentication if no proof was shown', async () => {
    expect(await world.redeem(await allowed(), { proofKey: makeKey() })).toMatchObject({ token_type: 'DPoP' });
  });

  it('is redeemed over a connection with the same certificate if tokens are bound to certificates', async () => {
    world.world.changeClient('trading-desk', { binding: 'mtls' });
    const shown = () => ({ der: createSelfSigned({ subject: 'CN=desk' }).der, chainVerified: false });
    const certificate = shown();
    const id = await allowed({}, { certificate });
    expect(await poll(id, { certificate: shown() })).toEqual(as('invalid_grant', 'auth_req_id_key'));
    expect(await poll(id)).toEqual(as('invalid_request', 'certificate_needed'));
    expect(claimsOf(await world.redeem(id, { certificate }))).toMatchObject({
      cnf: { 'x5t#S256': readCertificate(certificate.der).thumbprint },
    });
  });
});

describe('polling', () => {
  it('is answered with authorization_pending until the person has decided', async () => {
    const id = await asked();
    expect(await poll(id)).toEqual(pending);
    world.clock.advance(5_000);
    expect(await poll(id)).toEqual(pending);
    await world.decide(id, 'allow');
    // The decision is made, so the client need not wait.
    expect(await world.redeem(id)).toMatchObject({ token_type: 'DPoP' });
  });

  it('too soon is answered with slow_down and extends the interval by five seconds', async () => {
    const id = await asked();
    expect(await poll(id)).toEqual(pending);
    world.clock.advance(4_000);
    expect(await poll(id)).toMatchObject({ code: 'slow_down', detail: expect.stringContaining('10 seconds') });
    world.clock.advance(5_000);
    expect(await poll(id)).toMatchObject({ code: 'slow_down', detail: expect.stringContaining('15 seconds') });
    world.clock.advance(15_000);
    expect(await poll(id)).toEqual(pending);
    world.clock.advance(14_000);
    expect(await poll(id)).toEqual(slowDown);
  });

  it('tolerates a few milliseconds of the interval', async () => {
    const id = await asked();
    expect(await poll(id)).toEqual(pending);
    world.clock.advance(4_500);
    expect(await poll(id)).toEqual(pending);
    world.clock.advance(4_499);
    expect(await poll(id)).toEqual(slowDown);
  });

  it('shares the interval across all nodes: of twenty simultaneous polls, one is in time', async () => {
    const nodes = [world, world.node()] as const;
    const id = await asked();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => poll(id, { at: nodes[index % 2] ?? world })),
    );
    expect(answers.filter(({ code }) => code === 'authorization_pending')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'slow_down')).toHaveLength(19);
    world.clock.advance(99_000);
    expect(await poll(id, { at: nodes[1] })).toEqual(slowDown);
  });

  it('is answered with access_denied every time after the person has refused', async () => {
    const id = await asked();
    await world.decide(id, 'refuse');
    for (let time = 0; time < 2; time++) expect(await poll(id)).toEqual(as('access_denied', 'consent_denied'));
  });

  it('is answered with expired_token after expiry, decided or not', async () => {
    const undecided = await asked();
    const decided = await allowed();
    const denied = await asked();
    await world.decide(denied, 'refuse');
    world.clock.advance(299_999);
    expect(await poll(undecided)).toEqual(pending);
    world.clock.advance(1);
    for (const id of [undecided, decided, denied])
      expect(await poll(id)).toEqual(as('expired_token', 'auth_req_id_expired'));
  });
});

describe('redeeming an auth_req_id', () => {
  it('succeeds once: of a hundred simultaneous requests on two nodes, one gets a token', async () => {
    const nodes = [world, world.node()] as const;
    const id = await allowed();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        world.redeem(id, { at: nodes[index % 2] ?? world }).then(
          (response: TokenResponse) => response.token_type,
          async (error: unknown) => (await refusalOf(Promise.reject(error))).reason,
        ),
      ),
    );
    expect(answers.filter((answer) => answer === 'DPoP')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'auth_req_id_redeemed')).toHaveLength(99);
  });

  it('does not wait for a decision in progress: it sees the decision made or still pending', async () => {
    const id = await asked();
    const [decision, ...answers] = await Promise.all([
      world.decide(id, 'allow'),
      ...Array.from({ length: 5 }, () => poll(id)),
    ]);
    expect(decision.statusCode).toBe(303);
    for (const { code } of answers)
      expect(['released', 'authorization_pending', 'slow_down', 'invalid_grant']).toContain(code);
    if (!answers.some(({ code }) => code === 'released')) expect(await poll(id)).toEqual({ code: 'released' });
    expect(await poll(id)).toEqual(redeemedBefore);
  });
});
