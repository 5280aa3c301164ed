import { randomUUID } from 'node:crypto';
import { verifyBundle } from '@countersign/evidence';
import { type MandateId, parseId } from '@countersign/kernel';
import { type Constraints, digestOfIntent, type MandateUse, permits, type TradeOrder } from '@countersign/market';
import { generateSigningKey, refusalOf, stepOf, type Token } from '@countersign/sdk';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type LogRecord, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { doors, leis } from './testing/firms.ts';
import type { AssertionChange } from './testing/identity-provider.ts';
import { bond } from './testing/instruments.ts';
import { codeOf, refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { algorithmic, claimsOf, large, mandateTerms, openTrading, type Trading } from './testing/trading.ts';

const folder = scratchFolder();
let controlPlane: RunningControlPlane;
let trading: Trading;
let mandate: MandateId;

beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path));
  trading = await openTrading(controlPlane);
  ({ mandate } = await trading.grantMandates());
});
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  folder.remove();
});

const seconds = (): number => Math.floor(Date.now() / 1000);

async function checkpoint(): Promise<string> {
  return (await fetch(`${controlPlane.issuer}/log/checkpoint`)).text();
}

/** The records written during `act`. A published checkpoint may be a second old; one signed now is not. */
async function recordsOf(act: () => Promise<unknown>): Promise<readonly LogRecord[]> {
  const size = Number((await controlPlane.components.auditLog.checkpoint()).split('\n')[1]);
  await act();
  return controlPlane.operator.records({ after: String(size - 1) });
}

/** A transaction of a fresh order with its token. */
async function begin(change: Readonly<Record<string, unknown>> = {}, under: MandateId = mandate) {
  const order = trading.order(under, change);
  const token = await (order.algo === undefined ? trading.traderToken(order) : trading.agentToken(order));
  const claims = claimsOf(token);
  return { order, token, claims, transaction: String(claims['txn']), digest: String(claims['intent_digest']) };
}

describe('a mandate', () => {
  it('is granted only by a signatory of the grantor', async () => {
    expect(await codeOf(() => trading.propose('ha-mandates', mandateTerms()))).toBe('not_a_signatory');
  });

  it('cannot be accepted by its grantor', async () => {
    const proposed = await trading.propose('am-mandates', mandateTerms());
    expect(await codeOf(() => trading.accept('am-mandates', proposed))).toBe('not_a_signatory');
  });

  it('cannot be accepted under the hash of other terms', async () => {
    const proposed = await trading.propose('am-mandates', mandateTerms());
    const { termsHash } = mandateTerms();
    const another = `${termsHash.startsWith('A') ? 'B' : 'A'}${termsHash.slice(1)}`;
    expect(await codeOf(() => trading.accept('ha-mandates', proposed, another))).toBe('terms_hash_mismatch');
  });

  it('permits nothing before it was accepted', async () => {
    const proposed = await trading.propose('am-mandates', mandateTerms());
    expect(await codeOf(() => trading.traderToken(trading.order(proposed)))).toBe('access_denied mandate_not_accepted');
  });

  it('is the same one when it is proposed twice under one key, and a conflict with other terms', async () => {
    const key = randomUUID();
    const first = await trading.propose('am-mandates', mandateTerms(), key);
    expect(await trading.propose('am-mandates', mandateTerms(), key)).toBe(first);
    const other = mandateTerms({ venues: ['XEEE'] });
    expect(await codeOf(() => trading.propose('am-mandates', other, key))).toBe('idempotency_conflict');
  });

  it.each([
    ['venue', { venues: ['XEUR', 'XEEE'] }],
    ['larger order', { notionalPerOrder: { amount: '5000001', ccy: 'EUR' } }],
    ['action', { actions: ['settlement:instruct', 'settlement:release'] }],
    ['jurisdiction', { jurisdictions: ['DE', 'FR'] }],
    ['product', { productClasses: ['DB', 'ES'] }],
  ])('cannot have a sub-mandate with a wider %s: the refusal gives a counterexample', async (_, constraints) => {
    const child = mandateTerms(constraints, mandate);
    const refusal = await refusalBy(() => trading.propose('ha-mandates', child));
    expect(refusal.code).toBe('mandate_wider');
    const counterexample = refusal.facts?.['counterexample'] as { readonly use: MandateUse };
    // It is a true counterexample: the child permits it and the parent does not.
    expect(permits(child.constraints as unknown as Constraints, counterexample.use)).toEqual({ ok: true });
    expect(permits(mandateTerms().constraints as unknown as Constraints, counterexample.use).ok).toBe(false);
  });

  it('cannot be delegated beyond its depth', async () => {
    const deeper = mandateTerms({ delegationDepth: 1 }, mandate);
    expect(await codeOf(() => trading.propose('ha-mandates', deeper))).toBe('mandate_wider');
  });

  it.each([
    ['one euro more than it allows', { max_notional: { amount: '5000001', ccy: 'EUR' } }, 'mandate_notional'],
    ['another venue', { venue_mic: 'XEEE' }, 'mandate_venue'],
    ['another account', { account: 'NLAM-0099' }, 'mandate_account'],
    ['another product', { instrument: { isin: 'DE000EXMPL17', cfi: 'ESVUFR' } }, 'mandate_product'],
    ['another jurisdiction', { jurisdiction: 'FR' }, 'mandate_jurisdiction'],
    ['another class of the same bond', { instrument: { isin: bond.id, cfi: 'DBFUFB' } }, 'instrument_facts_differ'],
    ['an unknown bond', { instrument: { isin: 'DE0001102614', cfi: bond.cfi } }, 'instrument_unknown'],
    ['less than it is worth', { max_notional: { amount: '202499.99', ccy: 'EUR' } }, 'notional_differs'],
  ])('gives no token for %s', async (_, change, reason) => {
    expect(await codeOf(() => trading.traderToken(trading.order(mandate, change)))).toBe(`access_denied ${reason}`);
  });
});

describe('federated sign-in', () => {
  const refused: readonly (readonly [string, () => AssertionChange, string])[] = [
    ['another audience', () => ({ claims: { aud: 'https://another.example' } }), 'assertion_audience'],
    [
      'a second audience beside ours',
      () => ({ claims: { aud: [controlPlane.issuer, 'https://another.example'] } }),
      'assertion_audience',
    ],
    ['a sign-in by password', () => ({ claims: { acr: 'pwd' } }), 'assertion_assurance'],
    ['no word on how the person signed in', () => ({ claims: { acr: undefined } }), 'assertion_assurance'],
    ['a sign-in too long ago', () => ({ claims: { auth_time: seconds() - 3700 } }), 'assertion_stale_sign_in'],
    ['an unknown issuer', () => ({ claims: { iss: 'https://stranger.example' } }), 'assertion_issuer_unknown'],
    ['an algorithm outside the profile', () => ({ algorithm: 'PS256' }), 'assertion_algorithm'],
    ['a lifetime longer than the profile allows', () => ({ claims: { exp: seconds() + 240 } }), 'assertion_lifetime'],
    ['an end that has passed', () => ({ claims: { iat: seconds() - 90, exp: seconds() - 1 } }), 'assertion_expired'],
    ['a claim missing that the profile requires', () => ({ claims: { amr: undefined } }), 'assertion_claim_missing'],
    ['no id', () => ({ claims: { jti: undefined } }), 'assertion_claim_missing'],
    ['a signature by a key that the issuer does not publish', () => ({ forged: true }), 'assertion_signature'],
    ['a subject whom the directory does not know', () => ({ claims: { sub: 'nobody' } }), 'assertion_subject_unknown'],
    ['the type of an access token', () => ({ typ: 'at+jwt' }), 'assertion_type'],
    ['another client than the one that brings it', () => ({ claims: { client_id: 'brk-orders' } }), 'assertion_client'],
  ];

  it.each(refused)('is refused with %s, and the refusal is in the log', async (_, change, reason) => {
    const assertion = await trading.assertion(change());
    const order = trading.order(mandate);
    const records = await recordsOf(async () => {
      expect(await codeOf(() => trading.traderToken(order, assertion))).toBe(`invalid_grant ${reason}`);
    });
    const refusals = records.filter(({ outcome }) => outcome === 'deny');
    expect(refusals.map(({ type, reason: recorded }) => `${type} ${recorded}`).sort()).toEqual([
      `identity.refused ${reason}`,
      `token.refused ${reason}`,
    ]);
    const told = JSON.stringify(refusals);
    expect(told).not.toContain(assertion.split('.')[1]);
    expect(told).not.toContain('stranger.example');
    expect(records.some(({ type, client }) => type === 'token.issued' && client === 'ha-oms')).toBe(false);
  });

  it('is refused with an assertion used before, and the refusal is in the log', async () => {
    const assertion = await trading.assertion();
    await trading.traderToken(trading.order(mandate), assertion);
    const records = await recordsOf(async () => {
      const again = () => trading.traderToken(trading.order(mandate), assertion);
      expect(await codeOf(again)).toBe('invalid_grant assertion_replayed');
    });
    expect(records).toContainEqual(
      expect.objectContaining({ type: 'token.refused', reason: 'assertion_replayed', client: 'ha-oms' }),
    );
  });

  it('is refused when another firm’s client brings the assertion, and the refusal is in the log', async () => {
    const assertion = await trading.assertion();
    const records = await recordsOf(async () => {
      const brought = () => trading.traderToken(trading.order(mandate), assertion, trading.firms.client('brk-orders'));
      expect(await codeOf(brought)).toBe('invalid_grant assertion_institution');
    });
    expect(records).toContainEqual(
      expect.objectContaining({ type: 'token.refused', reason: 'assertion_institution', client: 'brk-orders' }),
    );
  });

  it('accepts an assertion issued to the client that brings it', async () => {
    const assertion = await trading.assertion({ claims: { client_id: 'ha-oms' } });
    const token = await trading.traderToken(trading.order(mandate), assertion);
    expect(claimsOf(token)).toMatchObject({ sub: trading.firms.people.trader.id });
  });

  it('keeps origin and assurance: the provider, the trust profile, and how the person signed in', async () => {
    const { claims } = await begin();
    const [issued] =
      (await controlPlane.operator.records({ transaction: String(claims['txn']), type: 'token.issued' })) ?? [];
    expect(issued).toMatchObject({
      id: claims['evidence'],
      subject: { id: trading.firms.people.trader.id, institution: leis.arranger },
      authentication: {
        issuer: trading.identityProvider.issuer,
        method: 'jwt-bearer',
        acr: 'phr',
        amr: ['hwk', 'user'],
      },
    });
  });
});

describe('a token', () => {
  it('is for one audience and one purpose, bound to a key, short-lived, and names its basis', async () => {
    const { order, claims, transaction } = await begin();
    expect(claims).toMatchObject({
      iss: controlPlane.issuer,
      aud: doors.broker,
      sub: trading.firms.people.trader.id,
      lei: leis.arranger,
      act: { sub: 'service:ha-oms' },
      client_id: 'ha-oms',
      scope: 'order:create settlement:instruct',
      cnf: { jkt: expect.stringMatching(/^[\w-]{43}$/) },
      mandate: { id: mandate, version: 2 },
      intent_digest: digestOfIntent(order),
      policy_version: 1,
      acr: 'phr',
    });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBeLessThanOrEqual(300);
    expect(claims['authorization_details']).toEqual([order]);
    expect(parseId('transaction', transaction)).toBe(transaction);
    const [record] = await controlPlane.operator.records({ transaction, type: 'token.issued' });
    expect(record).toMatchObject({
      id: claims['evidence'],
      intent: claims['intent_digest'],
      mandate: { id: mandate, version: 2 },
      policy: { version: 1 },
      data: { claims },
    });
  });

  it('expires no later than its assertion', async () => {
    const exp = seconds() + 45;
    const token = await trading.traderToken(trading.order(mandate), await trading.assertion({ claims: { exp } }));
    expect(claimsOf(token)['exp']).toBe(exp);
  });

  it('belongs to one transaction, however often it is requested', async () => {
    const { order, transaction } = await begin();
    expect(claimsOf(await trading.traderToken(order))['txn']).toBe(transaction);
    const changed = { ...order, max_qty: '1999' } as TradeOrder;
    expect(await codeOf(() => trading.traderToken(changed))).toBe('invalid_authorization_details idempotency_conflict');
  });
});

describe('an agent', () => {
  it('trades with the certified model', async () => {
    const { claims, transaction } = await begin(algorithmic);
    expect(claims).toMatchObject({ sub: 'agent:ha-vwap-1', lei: leis.arranger });
    expect((await trading.evaluate(transaction, 'agent:ha-vwap-1')).decision).toBe(true);
  });

  it('gets nothing for another artefact under the same version label', async () => {
    const redeployed = { algo: { ...algorithmic.algo, artifact_sha256: 'e3'.repeat(32) } };
    expect(await codeOf(() => trading.agentToken(trading.order(mandate, redeployed)))).toBe(
      'access_denied agent_artefact_differs',
    );
  });

  it('gets nothing without naming its model, nor does a person who names one', async () => {
    expect(await codeOf(() => trading.agentToken(trading.order(mandate)))).toBe('access_denied agent_artefact_differs');
    expect(await codeOf(() => trading.traderToken(trading.order(mandate, algorithmic)))).toBe(
      'access_denied algorithm_without_agent',
    );
  });
});

describe('approval', () => {
  let pending: Awaited<ReturnType<typeof begin>>;
  beforeAll(async () => {
    pending = await begin(large);
  });

  it('is requested by the decision point, with role and number, and recorded', async () => {
    const { decision, context } = await trading.evaluate(pending.transaction);
    expect(decision).toBe(false);
    expect(context.reasons.map(({ code }) => code)).toContain('approval_required');
    const approval = { vendor: 'countersign', action: 'approval', role: 'supervisor', count: 1 };
    expect(context.obligations).toEqual([
      { id: 'obl-1', type: 'custom', properties: expect.objectContaining(approval) },
    ]);
    const made = await controlPlane.operator.records({ transaction: pending.transaction, type: 'decision.made' });
    expect(made).toContainEqual(expect.objectContaining({ id: context.evidence, outcome: 'deny' }));
  });

  it('is required again at the submission', async () => {
    const { transaction } = pending;
    expect(await codeOf(() => trading.transition('brk-orders', 'submit', transaction, 'too-early'))).toBe(
      'approval_required',
    );
  });

  const attempts = [
    ['the person who began the order', { by: 'trader' }, 'approval_self'],
    ['a person without the role', { by: 'colleague' }, 'approval_role'],
    ['a key that nobody has registered', { by: 'stranger' }, 'approval_key_unknown'],
    ['a supervisor, but too long ago', { by: 'supervisor', signedAgoSeconds: 7_200 }, 'approval_expired'],
  ] as const;
  it.each(attempts)('is refused from %s, and the refusal is in the log', async (_, approval, code) => {
    const { transaction, digest } = pending;
    const records = await recordsOf(async () => {
      expect(await codeOf(() => trading.approve({ transaction, digest, ...approval }))).toBe(code);
    });
    expect(records).toContainEqual(
      expect.objectContaining({ type: 'approval.refused', outcome: 'deny', reason: code }),
    );
  });

  it('is refused for terms with one changed field', async () => {
    const { transaction, order } = pending;
    const digest = digestOfIntent({ ...order, max_qty: '40001' } as TradeOrder);
    expect(await codeOf(() => trading.approve({ transaction, digest, by: 'supervisor' }))).toBe(
      'approval_terms_changed',
    );
  });

  it('is refused for another transaction than the signed one', async () => {
    const other = await begin(large);
    const { transaction } = pending;
    expect(await codeOf(() => trading.approve({ transaction, digest: other.digest, by: 'supervisor' }))).toBe(
      'approval_terms_changed',
    );
  });

  it('lets the order through once, and counts a person once', async () => {
    const { transaction, digest, order } = pending;
    await trading.approve({ transaction, digest, by: 'supervisor' });
    expect(await codeOf(() => trading.approve({ transaction, digest, by: 'supervisor' }))).toBe('approval_repeated');
    expect((await trading.evaluate(transaction)).decision).toBe(true);
    await trading.carry(order, transaction, 'submitted');
    expect(await codeOf(() => trading.transition('brk-orders', 'submit', transaction, 'once-more'))).toBe(
      'transition_out_of_order',
    );
  });
});

describe('an exchange', () => {
  let subject: Awaited<ReturnType<typeof begin>>;
  beforeAll(async () => {
    subject = await begin();
  });

  const forClearing = (change: Readonly<Record<string, unknown>> = {}) => ({
    resource: doors.clearing,
    scope: 'settlement:instruct',
    authorizationDetails: [
      JSON.parse(
        JSON.stringify({
          ...subject.order,
          actions: ['clear', 'settle'],
          locations: [doors.clearing, doors.custodian],
          ...change,
        }),
      ),
    ],
  });
  const exchange = (change?: Readonly<Record<string, unknown>>): Promise<Token> =>
    trading.firms.client('brk-orders').exchange(subject.token.accessToken, forClearing(change));

  it('narrows scope, places, actions and quantity, adds one actor, and keeps transaction, intent and mandate', async () => {
    const token = await exchange({ max_qty: '1500' });
    const claims = claimsOf(token);
    expect(claims).toMatchObject({
      aud: doors.clearing,
      sub: trading.firms.people.trader.id,
      scope: 'settlement:instruct',
      act: { sub: 'service:brk-orders', act: { sub: 'service:ha-oms' } },
      txn: subject.transaction,
      intent_digest: subject.digest,
      mandate: { id: mandate, version: 2 },
      authorization_details: [{ max_qty: '1500', actions: ['clear', 'settle'] }],
    });
    const [record] = await controlPlane.operator.records({ transaction: subject.transaction, type: 'token.exchanged' });
    expect(record).toMatchObject({
      id: claims['evidence'],
      references: expect.arrayContaining([subject.claims['evidence']]),
    });
    expect(record?.data).toMatchObject({
      subject_token: { jti: subject.claims['jti'], record: subject.claims['evidence'] },
    });
  });

  it('expires no later than the token it came from', async () => {
    expect(Number(claimsOf(await exchange())['exp'])).toBeLessThanOrEqual(Number(subject.claims['exp']));
  });

  it('refuses a scope that the token does not hold', async () => {
    const { accessToken } = subject.token;
    const asked = { ...forClearing(), scope: 'settlement:instruct order:read' };
    expect(await codeOf(() => trading.firms.client('brk-orders').exchange(accessToken, asked))).toBe(
      'invalid_scope scope_wider',
    );
  });

  it.each([
    ['more quantity', { max_qty: '2001' }],
    ['more money', { max_notional: { amount: '202501', ccy: 'EUR' } }],
    ['a higher price', { limit_price: { amount: '101.26', ccy: 'EUR' } }],
    ['no price limit', { limit_price: undefined }],
    ['another account', { account: 'NLAM-0043' }],
    ['another venue', { venue_mic: 'XEEE' }],
    ['the other side', { side: 'SELL' }],
    ['another instrument', { instrument: { isin: 'US0378331005', cfi: 'DBFTFB' } }],
    ['another currency', { max_notional: { amount: '202500', ccy: 'USD' } }],
    ['another mandate', { mandate_id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3' }],
    ['another entity', { entity_lei: leis.broker }],
    ['another jurisdiction', { jurisdiction: 'FR' }],
    ['a later end', { not_after: '2035-12-31T17:30:01Z' }],
    ['another time in force', { tif: 'GTC' }],
    ['another capacity', { capacity: 'DEAL' }],
    ['another order id', { client_order_id: 'C-another' }],
    ['another idempotency key', { idempotency_key: 'another-order-0001' }],
    ['another custodian', { parties: [{ role: 'Custodian', lei: leis.venue }] }],
    ['another place', { locations: [doors.clearing, 'https://another.example'] }],
    ['another action', { actions: ['clear', 'cancel'] }],
    ['an algorithm', algorithmic],
  ])('refuses %s', async (_, change) => {
    expect(await codeOf(() => exchange(change))).toBe('invalid_authorization_details details_wider');
  });

  it('refuses an audience that is not for the broker, and the token’s own', async () => {
    const { accessToken } = subject.token;
    const broker = trading.firms.client('brk-orders');
    const towards = (resource: string) => () =>
      broker.exchange(accessToken, { ...forClearing({ locations: [doors.broker, doors.custodian] }), resource });
    expect(await codeOf(towards(doors.custodian))).toBe('invalid_target target_not_allowed');
    expect(await codeOf(towards(doors.broker))).toBe('invalid_target target_unchanged');
    expect(await codeOf(towards('https://nobody.example'))).toBe('invalid_target target_unknown');
  });

  it('refuses a token that was not issued for the firm that brings it', async () => {
    const { accessToken } = subject.token;
    const stolen = () =>
      trading.firms
        .client('clr-core')
        .exchange(accessToken, { resource: doors.custodian, scope: 'settlement:instruct' });
    expect(await codeOf(stolen)).toBe('invalid_request token_audience');
  });

  /** A token signed with the control plane's own key, with claims that it would never issue. */
  async function minted(change: Readonly<Record<string, unknown>>): Promise<string> {
    const { signers } = controlPlane.components;
    const { kid } = await signers['access-token'].current('access-token');
    const [header, payload] = [
      { alg: 'ES256', typ: 'at+jwt', kid },
      { ...subject.claims, ...change },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const { signature } = await signers['access-token'].sign('access-token', kid, Buffer.from(`${header}.${payload}`));
    return `${header}.${payload}.${Buffer.from(signature).toString('base64url')}`;
  }
  const exchangeOf = (accessToken: string) => () =>
    trading.firms.client('brk-orders').exchange(accessToken, forClearing());

  it('refuses a token that somebody else signed', async () => {
    const stranger = generateSigningKey();
    const { subtle } = globalThis.crypto;
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const key = await subtle.importKey('jwk', { ...stranger.privateJwk }, algorithm, false, ['sign']);
    const { kid } = await controlPlane.components.signers['access-token'].current('access-token');
    const forged = await new SignJWT({ ...subject.claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
      .sign(key);
    expect(await codeOf(exchangeOf(forged))).toBe('invalid_request token_signature');
    const named = await new SignJWT({ ...subject.claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: stranger.kid })
      .sign(key);
    expect(await codeOf(exchangeOf(named))).toBe('invalid_request token_key_unknown');
  });

  it('refuses a fifth actor, and one who is already in the chain', async () => {
    const chain = (...actors: readonly string[]) =>
      actors.reduceRight<object | undefined>((act, sub) => ({ sub, ...(act === undefined ? {} : { act }) }), undefined);
    const four = chain('service:ha-oms', 'service:ha-approvals', 'service:am-mandates', 'service:cus-core');
    expect(await codeOf(exchangeOf(await minted({ act: four })))).toBe('invalid_request act_too_deep');
    expect(await codeOf(exchangeOf(await minted({ act: chain('service:ha-oms', 'service:brk-orders') })))).toBe(
      'invalid_request act_loop',
    );
  });

  it('is refused to everybody whom may_act does not name', async () => {
    const another = await minted({ may_act: { client_id: 'clr-core' } });
    expect(await codeOf(exchangeOf(another))).toBe('invalid_request actor_not_allowed');
    const unknownCondition = await minted({ may_act: { client_id: 'brk-orders', weekday: 'monday' } });
    expect(await codeOf(exchangeOf(unknownCondition))).toBe('invalid_request actor_not_allowed');
    const named = await minted({ may_act: { client_id: 'brk-orders' } });
    expect(claimsOf(await exchangeOf(named)())).toMatchObject({ act: { sub: 'service:brk-orders' } });
  });
});

describe('settlement', () => {
  const settled = (records: readonly LogRecord[]) =>
    records.filter(({ data }) => (data as { event?: string } | undefined)?.event === 'settle');

  it('happens once when fifty ask at once, with one record', async () => {
    const { order, transaction } = await begin();
    await trading.carry(order, transaction, 'cleared');
    const body = { settled_qty: order.max_qty, reference: 'S-1' };
    const client = trading.firms.client('cus-core');
    const token = await client.clientCredentials({
      resource: `${controlPlane.issuer}/transactions`,
      scope: 'settlement:release',
      authorizationDetails: [stepOf({ issuer: controlPlane.issuer, transaction, event: 'settle' })],
    });
    const url = `${controlPlane.issuer}/transactions/${transaction}/transitions`;
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        client.callOrThrow(token, { method: 'POST', url, idempotencyKey: 'S-1', body: { event: 'settle', body } }),
      ),
    );
    const receipts = answers as { recordId: string; replayed: boolean; state: string }[];
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ recordId }) => recordId)).size).toBe(1);
    expect(receipts.every(({ state }) => state === 'settled')).toBe(true);
    const records = await controlPlane.operator.records({ transaction, type: 'transaction.transitioned' });
    expect(settled(records).map(({ id }) => id)).toEqual([receipts[0]?.recordId]);
  });

  it('happens once when fifty ask at once under their own keys', async () => {
    const { order, transaction } = await begin();
    await trading.carry(order, transaction, 'cleared');
    const client = trading.firms.client('cus-core');
    const token = await client.clientCredentials({
      resource: `${controlPlane.issuer}/transactions`,
      scope: 'settlement:release',
      authorizationDetails: [stepOf({ issuer: controlPlane.issuer, transaction, event: 'settle' })],
    });
    const url = `${controlPlane.issuer}/transactions/${transaction}/transitions`;
    const body = { event: 'settle', body: { settled_qty: order.max_qty } };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        client.call(token, { method: 'POST', url, idempotencyKey: `own-${index}`, body }),
      ),
    );
    const refusals = answers.filter(({ status }) => status >= 400).map((answer) => refusalOf(answer).code);
    expect(refusals).toEqual(Array.from({ length: 49 }, () => 'transition_out_of_order'));
    const records = await controlPlane.operator.records({ transaction, type: 'transaction.transitioned' });
    expect(settled(records)).toHaveLength(1);
  });

  it('answers a repetition with the first receipt, and another body under the same key with a conflict', async () => {
    const { order, transaction } = await begin();
    await trading.carry(order, transaction, 'cleared');
    const settle = (quantity: string) =>
      trading.transition('cus-core', 'settle', transaction, 'S-2', { settled_qty: quantity });
    const first = await settle(order.max_qty);
    expect(await settle(order.max_qty)).toEqual({ ...first, replayed: true });
    expect(await codeOf(() => settle('1999'))).toBe('idempotency_conflict');
  });

  it('is refused beyond what was cleared, out of order, and from another than the custodian', async () => {
    const { order, transaction } = await begin();
    await trading.carry(order, transaction, 'executed');
    const settle = (quantity: string, key: string) => () =>
      trading.transition('cus-core', 'settle', transaction, key, { settled_qty: quantity });
    expect(await codeOf(settle(order.max_qty, 'early'))).toBe('transition_out_of_order');
    const clear = { cleared_qty: '1500' };
    // No token is issued for the step of another firm.
    const wrongFirm = () => trading.transition('brk-orders', 'clear', transaction, 'wrong-firm', clear);
    expect(await codeOf(wrongFirm)).toBe('invalid_authorization_details step_of_another_party');
    await trading.transition('clr-core', 'clear', transaction, 'clear', clear);
    expect(await codeOf(settle('1501', 'too-much'))).toBe('terms_exceeded');
  });
});

describe('a mandate revoked between execution and settlement', () => {
  it('raises one exception that stays visible, and no transaction continues or starts under it', async () => {
    const granted = await trading.grantMandates();
    const { order, transaction, token } = await begin({}, granted.mandate);
    await trading.carry(order, transaction, 'executed');
    await trading.revoke(granted.mandate);

    const clear = () => trading.transition('clr-core', 'clear', transaction, 'late', { cleared_qty: order.max_qty });
    const refusal = await refusalBy(clear);
    expect(refusal.code).toBe('mandate_lapsed');
    expect(refusal.facts).toMatchObject({ reason: 'mandate_revoked', exception: expect.stringMatching(/^exc_/) });
    expect((await refusalBy(clear)).facts).toMatchObject({ exception: refusal.facts?.['exception'] });

    const path = `/transactions/exceptions?transaction=${transaction}`;
    const seen = (await trading.call('clr-core', 'transactions', 'settlement:read', { method: 'GET', path })) as {
      exceptions: readonly { recordId: string }[];
    };
    expect(seen.exceptions).toEqual([
      expect.objectContaining({
        id: refusal.facts?.['exception'],
        status: 'open',
        reason: 'mandate_revoked',
        event: 'clear',
      }),
    ]);
    const raised = await controlPlane.operator.records({ transaction, type: 'exception.raised' });
    expect(raised.map(({ id }) => id)).toEqual([seen.exceptions[0]?.recordId]);

    const details = [{ ...order, actions: ['clear'], locations: [doors.clearing] }];
    const exchange = () =>
      trading.firms.client('brk-orders').exchange(token.accessToken, {
        resource: doors.clearing,
        scope: 'settlement:instruct',
        authorizationDetails: details,
      });
    // Whichever check comes first: the mandate, or the log's record that its token has ended.
    expect(await codeOf(exchange)).toMatch(/^(access_denied mandate_revoked|invalid_request subject_token_revoked)$/);
    expect(await codeOf(() => trading.traderToken(trading.order(granted.mandate)))).toBe(
      'access_denied mandate_revoked',
    );
  });

  it('ends its sub-mandate', async () => {
    const granted = await trading.grantMandates();
    const order = trading.order(granted.subMandate);
    const ask = async () => {
      const path = `/mandates/${granted.subMandate}/validity`;
      const body = { intent: order, acting_for: leis.clearing, action: 'settlement:instruct' };
      return trading.call('clr-core', 'mandates', 'mandate:read', { method: 'POST', path, body });
    };
    expect(await ask()).toMatchObject({ valid: true });
    await trading.revoke(granted.mandate);
    expect(await ask()).toMatchObject({ valid: false, reason: 'mandate_revoked' });
  });
});

describe('the evidence of a settled order', () => {
  interface Bundle {
    readonly checkpoint: string;
    readonly log: { readonly verifierKey: string };
    readonly manifest: readonly string[];
    records: { leaf: string; index: string; proof: string[] }[];
  }
  let kept: string;
  let bundle: Bundle;
  let trust: { readonly logVerifierKey: string; readonly checkpoint: string };

  beforeAll(async () => {
    kept = await checkpoint();
    const { order, transaction, digest, token } = await begin(large);
    await trading.approve({ transaction, digest, by: 'supervisor' });
    await trading.firms.client('brk-orders').exchange(token.accessToken, {
      resource: doors.clearing,
      scope: 'settlement:instruct',
      authorizationDetails: [{ ...order, actions: ['clear', 'settle'], locations: [doors.clearing] }],
    });
    await trading.carry(order, transaction, 'settled');
    const since = Buffer.from(kept).toString('base64url');
    const path = `/evidence/transactions/${transaction}?since=${since}`;
    bundle = (await controlPlane.operator.call('evidence', 'audit:export', { method: 'GET', path })) as Bundle;
    trust = { logVerifierKey: bundle.log.verifierKey, checkpoint: kept };
  });

  const faults = (changed: unknown, trusted: object = trust) =>
    verifyBundle(changed, { trust: trusted }).steps.filter(({ ok }) => !ok);
  const copy = (): Bundle => structuredClone(bundle);
  const idIn = ({ leaf }: { leaf: string }): string =>
    (JSON.parse(Buffer.from(leaf, 'base64url').toString()) as { id: string }).id;

  it('verifies offline, anchored in a key and a checkpoint kept from before', () => {
    const result = verifyBundle(bundle, { trust });
    expect(result.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(result).toMatchObject({ ok: true, anchored: true });
    expect(verifyBundle(bundle)).toMatchObject({ ok: true, anchored: false });
  });

  it('reveals every record in which one byte was changed', () => {
    for (const [position, record] of bundle.records.entries()) {
      const changed = copy();
      const leaf = Buffer.from(record.leaf, 'base64url');
      const at = leaf.indexOf('"time":"') + 10;
      leaf.writeUInt8(leaf.readUInt8(at) ^ 1, at);
      changed.records[position] = { ...record, leaf: leaf.toString('base64url') };
      expect(faults(changed)).toContainEqual(expect.objectContaining({ code: 'record_altered', record: idIn(record) }));
    }
  });

  it('reveals every missing record', () => {
    for (const [position, record] of bundle.records.entries()) {
      const changed = copy();
      changed.records.splice(position, 1);
      expect(faults(changed)).toContainEqual(expect.objectContaining({ code: 'record_missing', record: idIn(record) }));
    }
  });

  it('reveals a log that was rewritten with its key', async () => {
    const { signers } = controlPlane.components;
    const [origin, size, root] = kept.split('\n');
    const otherRoot = Buffer.from(root ?? '', 'base64');
    otherRoot.writeUInt8(otherRoot.readUInt8(0) ^ 1, 0);
    const text = `${origin}\n${size}\n${otherRoot.toString('base64')}\n`;
    const { kid } = await signers['log-checkpoint'].current('log-checkpoint');
    const { signature } = await signers['log-checkpoint'].sign('log-checkpoint', kid, Buffer.from(text));
    const keyId = Buffer.from(trust.logVerifierKey.split('+')[1] ?? '', 'hex');
    const note = `${text}\n\u2014 ${origin} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
    expect(faults(bundle, { ...trust, checkpoint: note }).map(({ code }) => code)).toEqual(['log_rewritten']);
  });

  it('is refused from a log with another key', async () => {
    // The key is base64, which may contain a plus sign too.
    const [name, id, ...key] = trust.logVerifierKey.split('+');
    const bytes = Buffer.from(key.join('+'), 'base64');
    bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9);
    const codes = faults(bundle, { logVerifierKey: `${name}+${id}+${bytes.toString('base64')}` }).map(
      ({ code }) => code,
    );
    expect(codes).toContain('log_key_mismatch');
  });
});
