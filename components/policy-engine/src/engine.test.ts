import type {
  Agent,
  DecisionInput,
  DirectorySnapshot,
  Person,
  PrincipalId,
  RecordDraft,
  TransactionFacts,
} from '@countersign/contracts';
import { type Digest, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
import type { Cfi, Country, Lei, Mic } from '@countersign/market';
import { createLogger } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyEngineMigrations, startPolicyEngine } from './index.ts';
import { createPolicySet } from './policy-set.ts';

const arranger = '5493000ARRANGERDEM94' as Lei;
const lapsed = '529900ASSETMNGRDEM02' as Lei;
const logger = createLogger({ level: 'silent', name: 'test' });

const institutions = [
  { lei: arranger, name: 'Arranger', country: 'DE' as Country, leiStatus: 'ISSUED' as const },
  { lei: lapsed, name: 'Lapsed', country: 'DE' as Country, leiStatus: 'LAPSED' as const },
];
const person = (id: string, roles: string[], institution = arranger): Person => ({
  kind: 'person',
  id: id as PrincipalId,
  institution,
  desk: 'rates',
  roles,
  credentials: [],
});
const agent = (status: Agent['model']['status']): Agent => ({
  kind: 'agent',
  id: `agent:${status.toLowerCase()}` as PrincipalId,
  institution: arranger,
  desk: 'rates',
  roles: [],
  model: {
    modelId: 'vwap',
    version: '1',
    artifactSha256: 'a'.repeat(64),
    certificateId: 'C-1',
    status,
    certifiedBy: 'person:certifier' as PrincipalId,
    developedBy: 'person:developer' as PrincipalId,
  },
});
const principals = [
  person('person:trader', ['trader']),
  person('person:clerk', ['clerk']),
  person('person:lapsed', ['trader'], lapsed),
  agent('Approved'),
  agent('Draft'),
];
const directory: DirectorySnapshot = {
  version: 7,
  institution: (lei) => institutions.find((each) => each.lei === lei),
  principal: (id) => principals.find((each) => each.id === id),
  federatedPerson: () => undefined,
  credential: () => undefined,
  recordOf: () => undefined,
  client: () => undefined,
  account: () => undefined,
  venue: () => undefined,
  resource: () => undefined,
  institutions: () => institutions,
  principals: () => principals,
  accounts: () => [],
  venues: () => [{ mic: 'XEUR' as Mic, operator: arranger, country: 'DE' as Country }],
};

const facts = (
  change: Partial<TransactionFacts> & { notional?: string; ccy?: string; algo?: object } = {},
): TransactionFacts => ({
  id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId,
  state: 'intended',
  version: 0,
  intentType: 'urn:countersign:rar:v1:trade_order',
  intent: {
    type: 'urn:countersign:rar:v1:trade_order',
    entity_lei: arranger,
    mandate_id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3',
    idempotency_key: 'order-0001',
    not_after: '2026-11-21T17:30:00Z',
    jurisdiction: 'DE',
    account: 'ACC-1',
    instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' as Cfi },
    venue_mic: 'XEUR',
    side: 'BUY',
    max_qty: '100',
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [],
    client_order_id: 'ORD-1',
    max_notional: { amount: change.notional ?? '900000', ccy: change.ccy ?? 'EUR' },
    ...(change.algo === undefined ? {} : { algo: change.algo as never }),
  },
  intentDigest: 'x'.repeat(43) as Digest,
  initiator: 'person:trader',
  initiatorInstitution: arranger,
  mandate: { id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3', version: 2 },
  approvals: [],
  ...Object.fromEntries(Object.entries(change).filter(([name]) => !['notional', 'ccy', 'algo'].includes(name))),
});
const certified = { model_id: 'vwap', version: '1', artifact_sha256: 'a'.repeat(64) };
const ask = (
  change: Partial<DecisionInput> & { facts?: TransactionFacts; mandateStands?: boolean; acr?: string } = {},
): DecisionInput => ({
  principal: change.principal ?? 'person:trader',
  action: change.action ?? 'order:create',
  resource: change.resource ?? { type: 'transaction', facts: change.facts ?? facts() },
  context: {
    client: 'oms',
    institution: arranger,
    at: 0,
    scopes: ['order:create'],
    audience: 'https://broker.example',
    actorDepth: 1,
    mandateStands: change.mandateStands ?? true,
    ...(change.acr === undefined ? {} : { acr: change.acr }),
  },
});

describe('the policy engine on the shipped policies', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let engine: Awaited<ReturnType<typeof startPolicyEngine>>;
  const records: RecordDraft[] = [];
  let logWorks = true;
  const dependencies = () => ({
    pool: database.pool('policy-engine'),
    publisher: { id: 'service:operator' },
    directory: { snapshot: () => directory } as never,
    consentStore: { check: async () => ({ stands: true }) as never },
    transactions: { facts: async (id: string) => (id === facts().id ? facts({ notional: '5000000' }) : undefined) },
    audit: {
      async append(record: RecordDraft) {
        if (!logWorks) throw Object.assign(new Error('the log is gone'), { code: 'log_unavailable' });
        records.push(record);
        return { id: record.id, index: 0n, time: '' };
      },
    },
    clock: systemClock,
    random: systemRandom,
    logger,
  });

  beforeAll(async () => {
    database = await createTestDatabase({ components: [policyEngineMigrations] });
    engine = await startPolicyEngine(dependencies());
  });
  afterAll(() => database.drop());

  it('publishes the shipped set once, with its texts in the record, and finds it again at the next start', async () => {
    expect(engine.active()).toMatchObject({ version: 1 });
    const again = await startPolicyEngine(dependencies());
    expect(again.active()).toMatchObject({ version: 1, hash: engine.active().hash });
    const published = records.filter(({ type }) => type === 'policy.published');
    expect(published).toHaveLength(1);
    expect(Buffer.byteLength(JSON.stringify(published[0]))).toBeLessThan(60_000);
  });

  it('permits an ordinary order of a trader', async () => {
    expect(await engine.decide(ask())).toMatchObject({
      decision: true,
      determining: ['trader-places-ordinary-order'],
      reasons: [],
      obligations: [],
    });
  });

  it('asks for a supervisor above a million, and is satisfied by one who is not the initiator and of the same firm', async () => {
    const large = facts({ notional: '1000000.0001' });
    expect(await engine.decide(ask({ facts: large }))).toMatchObject({
      decision: false,
      reasons: [{ code: 'approval_required' }],
      obligations: [{ kind: 'approval', role: 'supervisor', count: 1 }],
    });
    const approved = (approver: string, institution: string = arranger, role = 'supervisor') =>
      engine.decide(ask({ facts: { ...large, approvals: [{ approver, institution, role }] } }));
    expect((await approved('person:bernd')).decision).toBe(true);
    expect((await approved('person:trader')).decision).toBe(false);
    expect((await approved('person:bernd', lapsed)).decision).toBe(false);
    expect((await approved('person:bernd', arranger, 'clerk')).decision).toBe(false);
  });

  it('takes a notional just under the fourth decimal as the larger one', async () => {
    expect((await engine.decide(ask({ facts: facts({ notional: '1000000.00001' }) }))).decision).toBe(false);
    expect((await engine.decide(ask({ facts: facts({ notional: '1000000' }) }))).decision).toBe(true);
  });

  it('asks for approval in a currency without a threshold', async () => {
    expect(await engine.decide(ask({ facts: facts({ notional: '1', ccy: 'JPY' }) }))).toMatchObject({
      obligations: [{ count: 1 }],
    });
  });

  it.each([
    ['a person without the role', ask({ principal: 'person:clerk' }), 'no_policy_permits'],
    ['a lapsed LEI', ask({ principal: 'person:lapsed' }), 'institution_not_in_good_standing'],
    ['a mandate that does not stand', ask({ mandateStands: false }), 'mandate_does_not_stand'],
    ['a principal nobody knows', ask({ principal: 'person:stranger' }), 'not_evaluable'],
    ['an amount that is not one', ask({ facts: facts({ notional: '1e9' }) }), 'not_evaluable'],
    [
      'an amount beyond what can be compared',
      ask({ facts: facts({ notional: '9223372036854775808' }) }),
      'not_evaluable',
    ],
    ['a weak sign-in', ask({ action: 'token:issue', acr: 'pwd' }), 'sign_in_too_weak'],
    ['a person who names an algorithm', ask({ facts: facts({ algo: certified }) }), 'algorithm_without_agent'],
    ['an action nobody declared', ask({ action: 'order:everything' }), 'no_policy_permits'],
  ])('denies %s', async (_, input, code) => {
    const decision = await engine.decide(input);
    expect(decision).toMatchObject({ decision: false, obligations: [] });
    expect(decision.reasons.map((reason) => reason.code)).toContain(code);
  });

  it('lets a certified agent place a small order, and refuses another artefact, no artefact, and an uncertified agent', async () => {
    const order = (principal: string, algo: object | undefined) =>
      engine.decide(ask({ principal, facts: facts({ notional: '250000', ...(algo === undefined ? {} : { algo }) }) }));
    expect((await order('agent:approved', certified)).decision).toBe(true);
    expect((await order('agent:approved', { ...certified, artifact_sha256: 'b'.repeat(64) })).reasons[0]?.code).toBe(
      'agent_artefact_differs',
    );
    expect((await order('agent:approved', undefined)).reasons[0]?.code).toBe('agent_artefact_differs');
    expect((await order('agent:draft', certified)).reasons.map(({ code }) => code)).toContain('agent_not_certified');
  });

  it('keeps cancelling possible when the mandate is gone', async () => {
    expect((await engine.decide(ask({ action: 'order:cancel', mandateStands: false }))).decision).toBe(true);
  });

  it('records an evaluation before answering it, and answers nothing when the record cannot be written', async () => {
    const request = {
      subject: { type: 'person', id: 'person:trader' },
      action: { name: 'order:create' },
      resource: { type: 'transaction', id: facts().id, properties: { notional: '1' } },
      context: { mandate_stands: true, supervisor_approvals: 9 },
    };
    const caller = { id: 'service:broker', institution: arranger };
    const answer = await engine.evaluate(request, caller);
    expect(answer).toMatchObject({ decision: false, obligations: [{ count: 1 }] });
    expect(records.at(-1)).toMatchObject({
      id: answer.recordId,
      type: 'decision.made',
      outcome: 'deny',
      transaction: facts().id,
    });
    logWorks = false;
    await expect(engine.evaluate(request, caller)).rejects.toMatchObject({ code: 'log_unavailable' });
    logWorks = true;
  });

  it('does not tell an unknown transaction from a forbidden one', async () => {
    const evaluate = (id: string) =>
      engine.evaluate(
        {
          subject: { type: 'person', id: 'person:trader' },
          action: { name: 'order:create' },
          resource: { type: 'transaction', id },
        },
        { id: 'service:x' },
      );
    expect(await evaluate('txn_01k9z3m8q4d6s0v2x5y7a9b1c4')).toMatchObject({
      decision: false,
      reasons: [{ code: 'no_policy_permits' }],
    });
    expect(await evaluate('nonsense')).toMatchObject({ decision: false });
  });

  it('gives the same input digest for the same question and another for another', async () => {
    const [first, second, third] = await Promise.all([
      engine.decide(ask()),
      engine.decide(ask()),
      engine.decide(ask({ facts: facts({ notional: '1' }) })),
    ]);
    expect(first.inputDigest).toBe(second.inputDigest);
    expect(third.inputDigest).not.toBe(first.inputDigest);
  });

  describe('limits', () => {
    const eur = (amount: string) => ({ amount, ccy: 'EUR' });
    const reserve = (reservation: string, amount: string, key = 'mandate:a', limit = '100') =>
      engine.limits.reserve({ reservation, key, window: '2026-11-21', amount: eur(amount), limit: eur(limit) });

    it('lets exactly as many of a hundred parallel reservations in as fit', async () => {
      const second = await startPolicyEngine(dependencies());
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? engine : second).limits.reserve({
            reservation: `r${index}`,
            key: 'mandate:race',
            window: '2026-11-21',
            amount: eur('7'),
            limit: eur('100'),
          }),
        ),
      );
      expect(outcomes.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(14);
      expect(outcomes.find(({ outcome }) => outcome === 'exceeded')).toEqual({ outcome: 'exceeded', headroom: '2' });
    });

    it('counts a repeated reservation once, and gives back what is released', async () => {
      expect(await reserve('once', '60')).toEqual({ outcome: 'reserved' });
      expect(await reserve('once', '60')).toEqual({ outcome: 'reserved' });
      expect(await reserve('other', '60')).toEqual({ outcome: 'exceeded', headroom: '40' });
      await engine.limits.release('once');
      await engine.limits.release('once');
      expect(await reserve('other', '60')).toEqual({ outcome: 'reserved' });
    });

    it('refuses to count one currency against a limit in another', async () => {
      await expect(
        engine.limits.reserve({
          reservation: 'x',
          key: 'k',
          window: '2026-11-21',
          amount: { amount: '1', ccy: 'USD' },
          limit: eur('5'),
        }),
      ).rejects.toMatchObject({ code: 'limit_currency' });
    });
  });
});

describe('a policy set', () => {
  it('is refused whole when a policy names what the schema does not have', () => {
    const schema = 'entity User; action "read" appliesTo { principal: [User], resource: [User] };';
    expect(() =>
      createPolicySet('@id("a") permit (principal, action, resource) when { principal.shoeSize == 1 };', schema),
    ).toThrow(expect.objectContaining({ code: 'policy_invalid' }));
  });
});
