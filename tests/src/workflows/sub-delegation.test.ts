import { verifyMandateVersions } from '@countersign/consent-store';
import type { Departure, Mandate } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import { type Constraints, type MandateUse, permits } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { codeFlow, textIn } from '../testing/code-flow.ts';
import { doors, leis } from '../testing/firms.ts';
import { personBrowser } from '../testing/person-browser.ts';
import { rawClient } from '../testing/raw-client.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import { claimsOf } from '../testing/trading.ts';
import type { Change } from './testing/intents.ts';
import { widest } from './testing/mandates.ts';
import { bookAccount, executedTrade } from './testing/settling.ts';
import { type Begun, mandateLine, openWorkflowWorld, type Who, type WorkflowWorld } from './testing/workflow-world.ts';

// Authority delegated from firm to firm, and what happens when a link is missing, widened or removed, or when a person leaves.

let world: WorkflowWorld;
/** The arranger's mandate, under which the settled trades were made. */
let dealing: MandateId;
beforeAll(async () => {
  world = await openWorkflowWorld();
  const { grant } = world.mandates;
  dealing = await grant({ from: 'assetManager', to: 'arranger' });
  await bookAccount(world, 'arranger', { lei: leis.custodian, account: 'CASH-9' }, dealing);
  const custodians = await grant({ from: 'assetManager', to: 'custodian' });
  await bookAccount(world, 'custodian', { lei: leis.clearing, account: 'CASH-5' }, custodians);
});
afterAll(() => world?.stop());

/** The asset manager to the arranger, the arranger to the clearing firm, the clearing firm to the custodian. */
interface Line {
  readonly root: MandateId;
  readonly middle: MandateId;
  readonly lowest: MandateId;
}

const settlingOnly = { actions: ['settlement:instruct'] } as const;

async function line(): Promise<Line> {
  const { grant } = world.mandates;
  const root = await grant({ from: 'assetManager', to: 'arranger' });
  const middle = await grant({
    from: 'arranger',
    to: 'clearing',
    parent: root,
    constraints: { ...settlingOnly, delegationDepth: 1, notionalPerOrder: { amount: '1000000', ccy: 'EUR' } },
  });
  const lowest = await grant({ from: 'clearing', to: 'custodian', parent: middle, constraints: lowestTerms });
  return { root, middle, lowest };
}

const lowestTerms = {
  ...settlingOnly,
  delegationDepth: 0,
  notionalPerOrder: { amount: '500000', ccy: 'EUR' },
} as const;

/** A settlement in the name of the custodian, for a trade of its own. */
const settlement = async (mandate: MandateId, change: Change = {}) =>
  world.intents.settlement(mandate, {
    trade_id: await executedTrade(world, dealing),
    entity_lei: leis.custodian,
    deliverer: { lei: leis.custodian, account: 'CASH-9' },
    receiver: { lei: leis.clearing, account: 'CASH-5' },
    ...change,
  });

const begin = async (mandate: MandateId, change: Change = {}): Promise<Begun> =>
  world.begin('cus-settlements', 'settlement:instruct', await settlement(mandate, change));

/** One in the name of the arranger. */
const ownSettlement = async (mandate: MandateId) =>
  world.intents.settlement(mandate, { trade_id: await executedTrade(world, dealing) });

describe('a mandate delegated twice', () => {
  it('is usable by the last firm in the chain, within what every link permits', async () => {
    const { lowest, root } = await line();
    const begun = await begin(lowest);
    expect(claimsOf(begun.token)).toMatchObject({ lei: leis.custodian, mandate: { id: lowest } });
    expect(await world.carry(begun, 'instruct')).toMatchObject({ state: 'instructed' });
    expect(await codeOf(() => begin(lowest, { amount: '500001' }))).toBe('access_denied mandate_notional');
    // Under the top mandate's name, the holder is still limited to what was delegated to them.
    expect(await codeOf(() => begin(root, { amount: '500001' }))).toBe('access_denied mandate_notional');
    expect(await world.carry(await begin(root, { amount: '500000' }), 'instruct')).toMatchObject({
      state: 'instructed',
    });
  });

  it.each<readonly [string, Change]>([
    ['amount', { notionalPerOrder: { amount: '1000001', ccy: 'EUR' } }],
    ['amount of a day', { notionalPerDay: { amount: '100000001', ccy: 'EUR' } }],
    ['venue', { venues: ['XEUR', 'XEEE'] }],
    ['jurisdiction', { jurisdictions: ['DE', 'FR'] }],
    ['product', { productClasses: ['DB', 'ES'] }],
    // The root permits it, but the delegating firm does not hold it.
    ['action', { actions: ['settlement:instruct', 'withdrawal:request'] }],
    ['asset', { assets: [{ asset: { dti: 'X9J9K872S' }, perOrder: '101', perDay: '1000' }] }],
  ])('cannot be widened by a larger or further %s: the refusal gives a counterexample', async (_, wider) => {
    const { middle } = await line();
    const constraints = { ...lowestTerms, ...wider };
    const refusal = await refusalBy(() =>
      world.mandates.propose({ from: 'clearing', to: 'custodian', parent: middle, constraints }),
    );
    expect(refusal.code).toBe('mandate_wider');
    const { use } = (refusal.facts as { readonly counterexample: { readonly use: MandateUse } }).counterexample;
    // It is a true counterexample: the child permits it and its parent does not.
    const child = { ...widest, ...constraints } as unknown as Constraints;
    expect(permits(child, use)).toEqual({ ok: true });
    const parent = (await world.mandates.versions(middle, 'clearing')).at(-1)?.['constraints'] as Constraints;
    expect(permits(parent, use).ok).toBe(false);
  });

  it('cannot be delegated beyond its depth, nor for longer', async () => {
    const { middle, lowest } = await line();
    const child = { from: 'clearing', to: 'custodian', parent: middle } as const;
    const deeper = { ...child, constraints: { ...lowestTerms, delegationDepth: 1 } };
    expect(await codeOf(() => world.mandates.propose(deeper))).toBe('mandate_wider');
    const longer = { ...child, constraints: lowestTerms, until: world.clock.now() + 400 * 86_400_000 };
    expect(await codeOf(() => world.mandates.propose(longer))).toBe('mandate_wider');
    const again = { from: 'custodian', to: 'clearing', parent: lowest, constraints: lowestTerms } as const;
    expect(await codeOf(() => world.mandates.propose(again))).toBe('mandate_wider');
  });

  it('follows changes of the link above: if that is narrowed, everything below is narrower', async () => {
    const { middle, lowest } = await line();
    const path = `/mandates/${middle}/amendments`;
    const amendment = (by: Who, end: string, body: object) =>
      world.call(by, 'mandate:grant', {
        door: 'mandates',
        method: 'POST',
        path: path + end,
        body,
        idempotencyKey: middle,
      });
    const [current] = (await world.mandates.versions(middle, 'clearing')).slice(-1);
    const constraints = {
      ...(current?.['constraints'] as Constraints),
      notionalPerOrder: { amount: '100000', ccy: 'EUR' },
    };
    const proposed = (await amendment('ha-mandates', '', { constraints })) as Mandate;
    await begin(lowest, { amount: '100001' });
    await amendment('clr-mandates', '/accept', { termsDigest: proposed.amendment?.termsDigest });
    expect(await codeOf(() => begin(lowest, { amount: '100001' }))).toBe('access_denied mandate_notional');
    await begin(lowest, { amount: '100000' });
  });
});

describe('a missing link', () => {
  it('is noticed when a sub-mandate is created: nobody can delegate what was not given to them', async () => {
    const { root } = await line();
    // The clearing firm delegates directly from the root, skipping the arranger.
    const skipping = { from: 'clearing', to: 'custodian', parent: root, constraints: lowestTerms } as const;
    expect(await codeOf(() => world.mandates.propose(skipping))).toBe('mandate_grantee');
    // Nor can the arranger sign for the clearing firm.
    const { middle } = await line();
    const forAnother = world.mandates.terms({
      from: 'clearing',
      to: 'custodian',
      parent: middle,
      constraints: lowestTerms,
    });
    expect(
      await codeOf(() =>
        world.call('ha-mandates', 'mandate:grant', {
          door: 'mandates',
          method: 'POST',
          path: '/mandates',
          body: forAnother,
          idempotencyKey: `for-another-${middle}`,
        }),
      ),
    ).toBe('not_a_signatory');
  });

  it('is noticed when a mandate is used: a firm outside the chain, or without a chain, has no authority', async () => {
    const { lowest } = await line();
    const bare = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    expect(await codeOf(() => begin(bare))).toBe('access_denied mandate_grantee');
    // The clearing firm delegated to the custodian, not the other way round.
    const reversed = await settlement(lowest, { entity_lei: leis.clearing });
    expect(await codeOf(() => world.begin('clr-settlements', 'settlement:instruct', reversed))).toBe(
      'access_denied mandate_grantee',
    );
  });

  it('is noticed at clearing: the order of a client whose clearing firm has no mandate of its own', async () => {
    const alone = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };
    const { transaction } = await world.begin('trader', 'order:create', world.intents.order(alone, small));
    await world.step('brk-orders', 'submit', transaction, { scope: 'order:create' });
    const executed = { executed_qty: '2000', price: { amount: '101', ccy: 'EUR' } };
    await world.step('ven-matching', 'execute', transaction, { scope: 'trade:affirm', body: executed });
    const clear = () =>
      world.step('clr-core', 'clear', transaction, { scope: 'settlement:instruct', body: { cleared_qty: '2000' } });
    expect(await codeOf(clear)).toBe('mandate_lapsed mandate_grantee');
  });

  it('is noticed in the chain of a token: who did not get it from the previous holder cannot pass it on', async () => {
    const { mandate } = await mandateLine(world);
    const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };
    const { token, detail } = await world.begin(
      'trader',
      'order:create settlement:instruct',
      world.intents.order(mandate, small),
    );
    const narrowed = (locations: readonly string[], actions: readonly string[]) => ({
      scope: 'settlement:instruct',
      authorizationDetails: [{ ...detail, locations, actions }],
    });
    // Skipping the broker, its only recipient.
    expect(
      await codeOf(() =>
        world.software('clr-core').exchange(token.accessToken, {
          resource: doors.custodian,
          ...narrowed([doors.custodian], ['settle']),
        }),
      ),
    ).toBe('invalid_request token_audience');
    const cleared = await world.software('brk-orders').exchange(token.accessToken, {
      resource: doors.clearing,
      ...narrowed([doors.clearing, doors.custodian], ['clear', 'settle']),
    });
    const settled = await world.software('clr-core').exchange(cleared.accessToken, {
      resource: doors.custodian,
      ...narrowed([doors.custodian], ['settle']),
    });
    // Everybody who held it, without gaps.
    expect(claimsOf(settled)).toMatchObject({
      sub: world.person('trader').id,
      act: { sub: 'service:clr-core', act: { sub: 'service:brk-orders', act: { sub: 'service:ha-oms' } } },
    });
  });

  it('is noticed by an offline check of the chain', async () => {
    const { root, middle, lowest } = await line();
    const read = async (mandate: MandateId, by: 'arranger' | 'clearing' | 'custodian') =>
      (await world.mandates.versions(mandate, by)) as unknown as readonly Mandate[];
    const [upper, between, lower] = [
      await read(root, 'arranger'),
      await read(middle, 'clearing'),
      await read(lowest, 'custodian'),
    ];
    const { keys } = (await (await fetch(`${world.issuer}/mandates/keys`)).json()) as {
      keys: readonly { readonly kid: string; readonly alg: 'ES256' }[];
    };
    const known = keys.map((jwk) => ({ kid: jwk.kid, algorithm: jwk.alg, jwk: { ...jwk } }));
    expect(verifyMandateVersions(between, known, upper)).toMatchObject({ ok: true });
    expect(verifyMandateVersions(lower, known, between)).toMatchObject({ ok: true });
    expect(verifyMandateVersions(lower, known, upper)).toEqual({ ok: false, version: 1, fault: 'parent' });
  });
});

describe('a mandate revoked above', () => {
  it('ends the token of the last party in the chain, and the transactions it had started', async () => {
    const { root, lowest } = await line();
    const custodians = world.software('cus-core');
    const open = await begin(lowest);
    const elsewhere = await world.tokenFor('cus-settlements', {
      resource: doors.custodian,
      scope: 'settlement:instruct',
      authorizationDetails: [await settlement(lowest, { locations: [doors.custodian] })],
    });
    expect(await custodians.introspect(elsewhere.accessToken)).toBeDefined();
    expect(elsewhere.expiresAt).toBeGreaterThan(world.clock.now() + 60_000);

    await world.mandates.revoke(root, 'assetManager');
    // Whichever check comes first: the mandate, or the log's record that its token has ended.
    const instruct = () => world.carry(open, 'instruct');
    expect(await codeOf(instruct)).toMatch(/^(mandate_lapsed mandate_revoked|token_revoked)$/);
    await vi.waitFor(async () => expect(await codeOf(instruct)).toBe('token_revoked'), 60_000);
    await vi.waitFor(async () => expect(await custodians.introspect(elsewhere.accessToken)).toBeUndefined(), 60_000);
    // A token without a mandate does not continue it either.
    const again = () => world.step('cus-settlements', 'instruct', open.transaction, { scope: 'settlement:instruct' });
    expect(await codeOf(again)).toBe('mandate_lapsed mandate_revoked');
    expect(await codeOf(() => begin(lowest))).toBe('access_denied mandate_revoked');
    expect(await codeOf(() => begin(lowest, open.detail as unknown as Change))).toBe('access_denied mandate_revoked');
  });

  it('ends what is below it, also in the middle, and leaves what is above unchanged', async () => {
    const { root, middle, lowest } = await line();
    await world.mandates.revoke(middle, 'arranger');
    expect(await codeOf(() => begin(lowest))).toBe('access_denied mandate_revoked');
    expect(await codeOf(() => begin(root))).toBe('access_denied mandate_revoked');
    const own = await ownSettlement(root);
    expect(
      await world.carry(await world.begin('ha-settlements', 'settlement:instruct', own), 'instruct'),
    ).toMatchObject({ state: 'instructed' });
    // No further sub-mandate is possible.
    const child = { from: 'clearing', to: 'custodian', parent: middle, constraints: lowestTerms } as const;
    expect(await codeOf(() => world.mandates.propose(child))).toBe('mandate_parent_not_active');
  });
});

describe('a person who leaves', () => {
  const leave = (by: WorkflowWorld['controlPlane']['operator'], id: string) =>
    by.call('directory', 'directory:apply', {
      method: 'POST',
      path: `/directory/principals/${id}/leave`,
      body: { reason: 'The employment has ended' },
    }) as Promise<Departure & { readonly record_id: string }>;

  it('is removed only by the operator', async () => {
    const asked = () =>
      world.call('am-mandates', 'directory:apply', {
        door: 'directory',
        method: 'POST',
        path: `/directory/principals/${world.person('colleague').id}/leave`,
        body: { reason: 'x' },
      });
    expect(await codeOf(asked)).toMatch(/^(invalid_scope|invalid_target) /);
    const denied = await world.software('ha-control').clientCredentials({
      resource: `${world.issuer}/transactions`,
      scope: 'exception:read',
    });
    const url = `${world.issuer}/directory/principals/${world.person('colleague').id}/leave`;
    expect(
      await world.software('ha-control').call(denied, { method: 'POST', url, body: { reason: 'x' } }),
    ).toMatchObject({ status: 401, body: { code: 'token_audience' } });
  });

  it('has nothing left after one step: credentials, sessions, consents, tokens, approvals', async () => {
    const { issuer, controlPlane } = world;
    const { operator } = controlPlane;
    const leaver = world.person('playingCoach');
    const { mandate } = await mandateLine(world);

    // A browser session, a consent, and the tokens issued under it.
    const browser = personBrowser(issuer);
    const screen = rawClient({ issuer, id: 'ha-screen', key: world.staff.key('ha-screen') });
    const flow = codeFlow({ issuer, client: screen, browser, person: leaver.id });
    const redeemed = await flow.redeem(await flow.allow([['scope', 'openid offline_access']]));
    const refreshToken = textIn(redeemed, 'refresh_token');
    const userinfo = textIn(redeemed, 'access_token');
    const seen = () => screen.call(`${issuer}/userinfo`, userinfo);
    expect((await seen()).status).toBe(200);
    expect((await flow.refresh(refreshToken)).status).toBe(200);
    const returning = async () => {
      const uri = await flow.push(flow.request({ verifier: '', challenge: 'A'.repeat(43) }));
      return (await browser.open(flow.urlOf(uri))).url.pathname;
    };
    expect(await returning()).not.toMatch(/^\/sign-in\//);

    // Tokens for an order and for our own interface, two transactions, and an approval of somebody else's order.
    const small = { max_qty: '2000', max_notional: { amount: '202500', ccy: 'EUR' } };
    const meant = await world.begin('playingCoach', 'order:create', world.intents.order(mandate, small));
    const underWay = await world.begin('playingCoach', 'order:create', world.intents.order(mandate, small));
    await world.step('brk-orders', 'submit', underWay.transaction, { scope: 'order:create' });
    const others = await world.begin('trader', 'order:create', world.intents.order(mandate));
    const given = await world.approve('playingCoach', others);
    const desk = await world.tokenFor('playingCoach', { scope: 'exception:read' });
    const atDesk = () =>
      world.software('ha-control').call(desk, { method: 'GET', url: `${issuer}/transactions/exceptions` });
    const atBroker = () => world.software('brk-orders').introspect(meant.token.accessToken);
    expect(await atDesk()).toMatchObject({ status: 200 });
    expect(await atBroker()).toBeDefined();

    const departure = await leave(operator, leaver.id);

    // At once, whatever is still in progress: look-ups no longer find the person.
    expect(await atDesk()).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect(await atBroker()).toBeUndefined();
    expect((await seen()).status).toBe(401);
    expect(await flow.refresh(refreshToken)).toMatchObject({ status: 400, members: { error: 'invalid_grant' } });
    expect(await codeOf(() => world.tokenFor('playingCoach', { scope: 'exception:read' }))).toBe(
      'invalid_grant assertion_subject_unknown',
    );
    expect(await codeOf(() => world.approve('playingCoach', others))).toBe('approval_key_unknown');
    expect(await codeOf(() => world.step('brk-orders', 'submit', others.transaction, { scope: 'order:create' }))).toBe(
      'approval_required',
    );
    expect(await returning()).toMatch(/^\/sign-in\//);

    // Then completed, each effect in turn, recorded before it is reported complete.
    const found = async () => {
      const path = '/directory/departures?status=completed';
      const answer = await operator.call('directory', 'directory:read', { method: 'GET', path });
      return (answer as { departures: readonly Departure[] }).departures.find(({ id }) => id === departure.id);
    };
    await vi.waitFor(async () => expect(await found()).toBeDefined(), { timeout: 60_000 });
    expect(await found()).toMatchObject({
      kind: 'leave',
      principal: leaver.id,
      effects: [
        { name: 'tokens', status: 'done' },
        { name: 'sessions', status: 'done', ended: 1 },
        { name: 'approvals', status: 'done', ended: 3 },
        ...[
          'proposals',
          'authenticators',
          'devices',
          'recoveries',
          'workloads',
          'enrolments',
          'certificates',
          'leases',
        ].map((name) => ({
          ...{ name, status: 'done', ended: 0 },
        })),
      ],
    });
    const [withdrawn] = await world.recordsOf(others.transaction, 'approval.withdrawn');
    expect(withdrawn?.data).toMatchObject({ approval_id: given.id });
    expect((await world.recordsOf(meant.transaction, 'transaction.transitioned')).at(-1)).toMatchObject({
      reason: 'departure',
      data: { event: 'cancel' },
    });
    expect(await world.exceptions('complianceOfficer', underWay.transaction)).toEqual([
      expect.objectContaining({ cause: 'departure', status: 'open', owner: leis.arranger }),
    ]);
    const told = (await operator.records({})).filter(({ type }) => type.startsWith('directory.departure'));
    expect(told.map(({ type, id }) => [type, id === departure.record_id])).toEqual([
      ['directory.departure', true],
      ['directory.departure-completed', false],
    ]);

    // Repeating it gives the same departure.
    expect((await leave(operator, leaver.id)).id).toBe(departure.id);

    // The name cannot be reused, and none of the person's authority is in force.
    const again = operator.call('directory', 'directory:apply', {
      method: 'POST',
      path: '/directory/apply',
      body: world.staff.directoryDocument(),
    });
    await expect(again).rejects.toMatchObject({ code: 'id_not_reusable' });
    expect(await atDesk()).toMatchObject({ status: 401 });
    expect(await atBroker()).toBeUndefined();
    expect((await seen()).status).toBe(401);
    expect(await flow.refresh(refreshToken)).toMatchObject({ status: 400, members: { error: 'invalid_grant' } });
    expect(await codeOf(() => world.step('brk-orders', 'submit', others.transaction, { scope: 'order:create' }))).toBe(
      'approval_required',
    );
  });

  it('ends the software’s clients when it is software that leaves', async () => {
    const { root } = await line();
    const own = await world.begin('ha-settlements', 'settlement:instruct', await ownSettlement(root));
    await leave(world.controlPlane.operator, 'service:ha-settlements');
    expect(await codeOf(() => world.carry(own, 'instruct'))).toBe('token_revoked');
    expect(await codeOf(() => world.tokenFor('ha-settlements', { scope: 'settlement:read' }))).toMatch(
      /^invalid_client /,
    );
  });
});
