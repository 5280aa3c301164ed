import type { TransactionFacts } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { market, operator, own, stranger, tokenQuestion, transactionOf, worth } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { authzenRoutes } from './http.ts';
import { asEnforcementPoint } from './testing/enforcement-point.ts';

// The interface over the whole engine, on the shipped policies.
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
let rig: EngineRig;
let engine: RunningPolicyEngine;

const order = (id: string, amount: string) =>
  transactionOf('trade_order', {
    id: id as TransactionId,
    drop: ['algo', 'limit_price'],
    set: worth(amount),
  });
const ordinary = order('txn_01k9z3m8q4d6s0v2x5y7a9b1c3', '900000');
const large = order('txn_01k9z3m8q4d6s0v2x5y7a9b1c4', '5000000');
const withdrawal = transactionOf('withdrawal', {
  id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c5' as TransactionId,
  destinationKnown: false,
});

const settlement = (id: string, known: Pick<TransactionFacts, 'tradeKnown' | 'destinationKnown'>) =>
  transactionOf('settlement_instruction', {
    id: id as TransactionId,
    initiator: 'service:own',
    set: { amount: '4900000', ccy: 'EUR' },
    ...known,
  });
const settlable = settlement('txn_01k9z3m8q4d6s0v2x5y7a9b1c8', {});
const untraded = settlement('txn_01k9z3m8q4d6s0v2x5y7a9b1c6', { tradeKnown: false });
const unbooked = settlement('txn_01k9z3m8q4d6s0v2x5y7a9b1c7', { destinationKnown: false });

beforeAll(async () => {
  rig = await createEngineRig();
  engine = await rig.start();
  for (const facts of [ordinary, large, withdrawal, settlable, untraded, unbooked])
    rig.transactions.set(facts.id, { facts, parties: [own] });
  authzenRoutes(app, { policyEngine: engine, guard: createOpenGuard(), baseUrl: 'https://countersign.example' });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await rig.close();
});

const person = { type: 'person', id: 'person:own' };
const about = ({ id }: Pick<TransactionFacts, 'id'>) => ({ type: 'transaction', id });
const placing = (facts: TransactionFacts, context: object = {}) => ({
  subject: person,
  action: { name: 'order:create' },
  resource: about(facts),
  context: { client: 'trading-desk', scope: 'order:create', acr: 'phr', ...context },
});
const as = (institution: string) => asEnforcementPoint(['decision:evaluate'], institution);

async function post(path: string, payload: object, institution: string = own) {
  const answer = await app.inject({ method: 'POST', url: `/access/v1/${path}`, payload, headers: as(institution) });
  return { status: answer.statusCode, body: answer.json() };
}

const found = async (path: string, payload: object, institution?: string) =>
  (await post(path, payload, institution)).body.results.map(
    (one: { id?: string; name?: string }) => one.id ?? one.name,
  );

describe('an evaluation of a step that the registry decides without asking the engine', () => {
  // These permits are for enforcement points: the registry itself lets the parties cancel an order and report it as executed.
  it.each([
    ['order:cancel', 'intended', 'cancel-stays-possible'],
    ['trade:affirm', 'submitted', 'execution-is-affirmed'],
  ])('permits %s of an order that is %s, by the policy %s', async (name, state, policy) => {
    const id = 'txn_01k9z3m8q4d6s0v2x5y7a9b1d1' as TransactionId;
    rig.transactions.set(id, { facts: { ...ordinary, id, state }, parties: [own] });
    const ask = (context: object) =>
      post('evaluation', { subject: person, action: { name }, resource: { type: 'transaction', id }, context });
    expect((await ask({ client: 'oms', acr: 'phr' })).body).toMatchObject({ decision: true });
    const asked = {
      principal: 'person:own',
      action: name,
      resource: { type: 'transaction', facts: { ...ordinary, id, state } },
    };
    const { context } = tokenQuestion('person:own', ordinary);
    expect((await engine.decide({ ...asked, context } as never)).determining).toEqual([policy]);
  });
});

describe('an unknown subject or resource', () => {
  const known = { subject: person, action: { name: 'order:create' }, resource: about(ordinary) };
  it.each([
    ['a subject of another type', { subject: { type: 'user', id: 'alice' } }],
    ['an invalid subject', { subject: { type: 'person', id: 'alice' } }],
    ['a subject of another kind than its id', { subject: { type: 'service', id: 'person:own' } }],
    ['a resource of another type', { resource: { type: 'record', id: ordinary.id } }],
    ['a transaction that does not exist', { resource: { type: 'transaction', id: 'nonsense' } }],
    ['an unknown action', { action: { name: 'can_read_todos' } }],
  ])('is denied, and the denial recorded: %s', async (_, change) => {
    const { status, body } = await post('evaluation', { ...known, ...change });
    expect([status, body.decision]).toEqual([200, false]);
    expect(rig.records.at(-1)).toMatchObject({ type: 'decision.made', outcome: 'deny' });
  });

  it.each([
    ['search/action', { subject: { type: 'user', id: 'alice' }, resource: about(ordinary) }],
    ['search/action', { subject: { type: 'service', id: 'person:own' }, resource: about(ordinary) }],
    ['search/resource', { ...known, subject: { type: 'user', id: 'alice' }, resource: { type: 'resource' } }],
    ['search/resource', { ...known, resource: { type: 'record' } }],
    ['search/subject', { ...known, subject: { type: 'user' } }],
    ['search/subject', { ...known, subject: { type: 'person' }, resource: { type: 'record', id: 'x' } }],
  ])('appears in no %s', async (path, payload) => {
    expect(await post(path, payload)).toMatchObject({ status: 200, body: { results: [] } });
  });
});

describe('an evaluation of an order', () => {
  it('is permitted without obligations', async () => {
    const { body } = await post('evaluation', placing(ordinary));
    expect(body.decision).toBe(true);
    expect(body.context).not.toHaveProperty('obligations');
  });

  it('names the missing approvals and their escalation', async () => {
    const { body } = await post('evaluation', placing(large));
    expect(body).toMatchObject({
      decision: false,
      context: {
        reasons: [{ code: 'approval_required' }],
        reason_user: { 403: expect.stringMatching(/./) },
        obligations: [
          {
            id: 'obl-1',
            type: 'custom',
            properties: {
              vendor: 'countersign',
              action: 'approval',
              role: 'supervisor',
              count: 1,
              escalation: [{ role: 'desk-head', after_seconds: 1800 }, {}],
            },
          },
        ],
      },
    });
  });

  it('leaves out what the enforcement point cannot do, but still gives the reason', async () => {
    const { body } = await post('evaluation', placing(large, { supported_obligations: ['step-up'] }));
    expect(body.context).not.toHaveProperty('obligations');
    expect(body.context.reasons).toMatchObject([{ code: 'approval_required' }]);
  });

  it('applies a risk signal, and refuses one that it cannot read', async () => {
    expect((await post('evaluation', placing(ordinary, { signals: ['impossible-travel'] }))).body.decision).toBe(false);
    expect(await post('evaluation', placing(ordinary, { signals: 'impossible-travel' }))).toMatchObject({
      status: 400,
      body: { code: 'evaluation_invalid' },
    });
  });

  it('uses no version older than was asked for', async () => {
    expect((await post('evaluation', placing(ordinary, { policy_version: 1, entity_version: 1 }))).body.decision).toBe(
      true,
    );
    expect(await post('evaluation', placing(ordinary, { policy_version: 99 }))).toMatchObject({
      status: 503,
      body: { code: 'policy_behind' },
    });
  });
});

describe('an evaluation of a withdrawal to a new destination', () => {
  it('asks for a stronger sign-in in the terms of the profile', async () => {
    const { body } = await post('evaluation', {
      subject: person,
      action: { name: 'token:issue' },
      resource: about(withdrawal),
      context: { client: 'wallet', scope: 'withdrawal:request', acr: 'phr' },
    });
    expect(body.decision).toBe(false);
    expect(body.context.obligations).toContainEqual({
      id: expect.stringMatching(/^obl-\d$/),
      type: 'step-up',
      properties: expect.objectContaining({ acr_value: 'phrh' }),
    });
  });
});

describe('an evaluation of a settlement', () => {
  const instructing = (facts: TransactionFacts, resource: object = {}, context: object = {}) => ({
    subject: { type: 'service', id: 'service:own' },
    action: { name: 'settlement:instruct' },
    resource: { ...about(facts), ...resource },
    context: { client: 'settlements', scope: 'settlement:instruct', ...context },
  });

  const foundOf = async (facts: TransactionFacts) => {
    const { action, subject, ...search } = instructing(facts);
    const actions: string[] = await found('search/action', { ...search, subject });
    const subjects = await found('search/subject', { ...search, action, subject: { type: 'service' } });
    return { acts: actions.includes(action.name), subjects };
  };

  it.each([
    ['of a trade that the registry does not know', untraded, 'trade_unknown'],
    ['to a receiver outside the address book', unbooked, 'destination_unknown'],
  ])(
    '%s is denied, whatever the caller says, and a search finds neither action nor subject',
    async (_, facts, code) => {
      const says = { tradeKnown: true, destinationKnown: true };
      for (const asked of [instructing(facts), instructing(facts, { properties: says }), instructing(facts, {}, says)])
        expect((await post('evaluation', asked)).body).toMatchObject({
          decision: false,
          context: { reasons: [{ code }] },
        });
      expect(await foundOf(facts)).toEqual({ acts: false, subjects: [] });
    },
  );

  it('of a known trade to a known receiver is permitted, and both searches find it', async () => {
    expect((await post('evaluation', instructing(settlable))).body).toMatchObject({ decision: true });
    expect(await foundOf(settlable)).toEqual({ acts: true, subjects: ['service:own'] });
  });
});

describe('a search among the subjects of a transaction', () => {
  const search = placing(ordinary);

  it('finds exactly those whom an evaluation permits', async () => {
    for (const type of ['person', 'service', 'agent'] as const) {
      const ids = await found('search/subject', { ...search, subject: { type } }, operator);
      const evaluations = market.principals
        .filter(({ kind }) => kind === type)
        .map(({ id }) => ({ subject: { type, id } }));
      const { body } = await post('evaluations', { ...search, evaluations }, operator);
      const permitted = evaluations
        .filter((_, index) => body.evaluations[index].decision)
        .map(({ subject }) => subject.id);
      expect(ids).toEqual(permitted.sort());
    }
    expect(await found('search/subject', { ...search, subject: { type: 'person' } })).toEqual(['person:own']);
  });

  it('finds nobody for a caller who is not a party to it', async () => {
    expect(await found('search/subject', { ...search, subject: { type: 'person' } }, stranger)).toEqual([]);
  });

  it('is recorded before it is answered', async () => {
    const { body } = await post('search/subject', {
      ...search,
      subject: { type: 'person' },
      context: { record: true },
    });
    expect(rig.records.at(-1)).toMatchObject({
      id: body.context.evidence,
      type: 'decision.searched',
      data: { resource: ordinary.id, results: 1 },
    });
    rig.breakLog(true);
    expect((await post('search/subject', { ...search, subject: { type: 'person' } })).status).toBe(503);
    rig.breakLog(false);
  });
});

describe('a search among the actions on a transaction', () => {
  it('finds the actions that an evaluation permits', async () => {
    const { action: _, ...search } = placing(ordinary);
    const names: string[] = await found('search/action', search);
    expect(names).toContain('order:create');
    const { body } = await post('evaluations', { ...search, evaluations: names.map((name) => ({ action: { name } })) });
    expect(body.evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual(names.map(() => true));
    const withLarge: string[] = await found('search/action', { ...search, resource: about(large) });
    expect(withLarge).not.toContain('order:create');
  });
});

describe('a search about an order that exceeds a limit', () => {
  const before = order('txn_01k9z3m8q4d6s0v2x5y7a9b1c6', '19500000');
  const { action: _, ...search } = placing(ordinary);
  beforeAll(() => engine.limits.reserve({ reservation: before.id, facts: before, at: rig.clock.now() }));
  afterAll(() => engine.limits.release(before.id));

  it('finds exactly the actions that an evaluation permits', async () => {
    const { body } = await post('evaluation', placing(ordinary));
    expect(body.context.reasons).toMatchObject([{ code: 'limit_exceeded' }]);
    const names = await found('search/action', search);
    expect(names).toContain('order:cancel');
    expect(names).not.toContain('order:create');
  });

  it('finds nobody who could place it, for any caller, until somebody approves the excess', async () => {
    const subject = { type: 'person' };
    for (const institution of [own, operator])
      expect(await found('search/subject', { ...placing(ordinary), subject }, institution)).toEqual([]);
    const approvals = [{ approver: 'person:supervisor', role: 'supervisor', institution: own }];
    rig.transactions.set(ordinary.id, { facts: { ...ordinary, approvals }, parties: [own] });
    expect(await found('search/subject', { ...placing(ordinary), subject })).toEqual(['person:own']);
    rig.transactions.set(ordinary.id, { facts: ordinary, parties: [own] });
  });
});

describe('a search among resources', () => {
  const search = {
    subject: person,
    action: { name: 'token:issue' },
    resource: { type: 'resource' },
    context: { client: 'trading-desk', acr: 'phr' },
  };
  const urisOf = (institution?: string) =>
    market.resources
      .filter((each) => institution === undefined || each.institution === institution)
      .map(({ uri }) => uri)
      .sort();

  it('finds the caller’s interfaces, and everybody’s for the operator', async () => {
    const toOwn = await found('search/resource', search);
    expect(toOwn).not.toEqual([]);
    expect(urisOf(own)).toEqual(expect.arrayContaining(toOwn));
    const toOperator = await found('search/resource', search, operator);
    expect(toOperator).toEqual(expect.arrayContaining(toOwn));
    expect(urisOf()).toEqual(expect.arrayContaining(toOperator));
    expect(toOperator.length).toBeGreaterThan(toOwn.length);
  });

  it('never lists transactions', async () => {
    expect(await post('search/resource', { ...search, resource: { type: 'transaction' } })).toMatchObject({
      status: 400,
      body: { code: 'search_not_supported' },
    });
  });

  it('finds nothing of an unknown type', async () => {
    expect(await found('search/resource', { ...search, resource: { type: 'spaceship' } })).toEqual([]);
  });
});
