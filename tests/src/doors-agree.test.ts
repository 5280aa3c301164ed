import {
  type DecisionInput,
  type EvidenceRecord,
  ended,
  type HaltTarget,
  haltSubject,
  haltsInForce,
  type Principal,
  parseClientId,
  type Resource,
  type Standing,
  type StandingReader,
  type StandingRevocationTarget,
  standing,
} from '@countersign/contracts';
import { type MandateId, newId, type RecordId, systemRandom, type TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import { codeOf, lifted, revoked, standingsIn } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authority } from '../../components/authorization-server/src/grant-handler.ts';
import { checkHalted, checkRevoked } from '../../components/authorization-server/src/token-endpoint/check-authority.ts';
import { decide as decideOnToken } from '../../components/authorization-server/src/token-endpoint/decide.ts';
import type { RunningPolicyEngine } from '../../components/policy-engine/src/index.ts';
import {
  agent,
  directoryOf,
  inOrder,
  institution,
  market,
  own,
  person,
  transactionOf,
  worth,
} from '../../components/policy-engine/src/testing/desk.ts';
import { createEngineRig, type EngineRig } from '../../components/policy-engine/src/testing/engine-rig.ts';
import type { Attempt } from '../../components/transaction-registry/src/attempt.ts';
import { decideOn } from '../../components/transaction-registry/src/decision.ts';
import { lifeCycleOf } from '../../components/transaction-registry/src/life-cycles/index.ts';
import { checkMandates } from '../../components/transaction-registry/src/mandate-check.ts';
import { haltedFault, revokedFault } from '../../components/transaction-registry/src/steps/requester.ts';
import { permittedFault } from '../../components/transaction-registry/src/steps/rules.ts';
import type { StoredTransaction } from '../../components/transaction-registry/src/store/store.ts';

const personSignals = [
  'account-disabled',
  'credential-compromised',
  'impossible-travel',
  'recovery-cooling-off',
  'device-new',
  'failed-attempts',
];

/** The codes that refuse an order which contradicts reference data. */
const refusedOtherwise = {
  cfi: 'instrument_facts_differ',
  currency: 'instrument_facts_differ',
  venue: 'instrument_facts_differ',
  notional: 'notional_differs',
  instrument: 'instrument_unknown',
  jurisdiction: 'jurisdiction_differs',
} as const;

function saying(otherwise: keyof typeof refusedOtherwise | undefined, amount: string) {
  const { instrument, max_notional } = worth(amount);
  switch (otherwise) {
    case undefined:
      return {};
    case 'cfi':
      return { instrument: { ...instrument, cfi: 'ESNUFR' } };
    case 'currency':
      return { max_notional: { ...max_notional, ccy: 'USD' } };
    case 'venue':
      return { venue_mic: 'XEUR' };
    case 'notional':
      return { max_qty: '1000', limit_price: { amount, ccy: 'EUR' } };
    case 'instrument':
      return { instrument: { ...instrument, isin: 'DE000EXMPL17' } };
    case 'jurisdiction':
      return { jurisdiction: 'FR' };
    default:
      return otherwise satisfies never;
  }
}

/** Possible situations of the caller and the firm. */
const situations = fc.record({
  who: fc.constantFrom('trader', 'clerk', 'agent'),
  certificate: fc.constantFrom('Approved', 'Registered', 'Draft', 'Submitted'),
  signals: fc.option(fc.subarray(personSignals, { minLength: 1, maxLength: 2 }), { nil: [], freq: 2 }),
  mandateInForce: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  lei: fc.oneof({ weight: 5, arbitrary: fc.constant('ISSUED') }, { weight: 1, arbitrary: fc.constant('LAPSED') }),
  kyc: fc.oneof({ weight: 5, arbitrary: fc.constant('approved') }, { weight: 1, arbitrary: fc.constant('pending') }),
  inDirectory: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  desk: fc.oneof({ weight: 6, arbitrary: fc.constant('cash') }, { weight: 1, arbitrary: fc.constant('unknown') }),
  amount: fc.constantFrom('900', '249000', '5000000'),
  approved: fc.boolean(),
  /** How the intent contradicts the reference data of its instrument. */
  otherwise: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom('cfi', 'currency', 'venue', 'notional', 'instrument', 'jurisdiction') },
  ),
  /** The token for the order: refused, or permitted after this sign-in, this many seconds before. */
  permitted: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    {
      weight: 6,
      arbitrary: fc.record({ acr: fc.constantFrom('pwd', 'phr', 'phrh', undefined), ago: fc.constantFrom(10, 400) }),
    },
  ),
  /** What a caller may claim, true or not. */
  said: fc.record(
    {
      acr: fc.constantFrom('phrh', 'phr', 'pwd'),
      auth_time: fc.constantFrom(0, 1_795_176_000),
      signals: fc.subarray(['device-new', 'impossible-travel', 'new-network']),
      mandateInForce: fc.constant(true),
      approvals: fc.constant({ supervisor: 9 }),
      scope: fc.constantFrom('order:create', 'order:read', 'policy:approve'),
      device: fc.constantFrom('device:nobody', 'device:ws-1'),
    },
    { requiredKeys: [] },
  ),
});
type Situation = typeof situations extends fc.Arbitrary<infer Value> ? Value : never;

describe('every interface that decides', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  let now: Situation;
  let version = 1;
  const consentStore = {
    check: async () =>
      now.mandateInForce
        ? { valid: true, mandate: { id: 'mnd' }, chain: [] }
        : { valid: false, reason: 'mandate_revoked', detail: 'It was revoked.' },
  } as never;
  beforeAll(async () => {
    rig = await createEngineRig();
    engine = await rig.start({
      consentStore,
      standing: { signalsOf: (principal) => (principal === idOf(now) ? now.signals : []) },
    });
  });
  afterAll(() => rig.close());

  const idOf = ({ who }: Situation) => (who === 'agent' ? agent.id : `person:${who}`);

  function enter(situation: Situation): void {
    now = situation;
    const { who, certificate, lei, kyc, inDirectory, desk } = situation;
    const acting: Principal =
      who === 'agent'
        ? { ...agent, desk, model: { ...agent.model, status: certificate as typeof agent.model.status } }
        : person(who, own, { desk, roles: who === 'trader' ? ['trader'] : ['compliance'] });
    const others = market.principals.filter(({ id }) => id !== idOf(situation));
    const compliance = { ...inOrder, kyc: { ...inOrder.kyc, status: kyc } };
    const firm = institution(own, { leiStatus: lei, compliance } as Partial<
      Parameters<typeof institution>[1] & object
    >);
    version += 1;
    rig.directory = directoryOf({
      version,
      principals: inDirectory ? [...others, acting] : others,
      institutions: [...market.institutions.filter((each) => each.lei !== own), firm],
    });
  }

  /** An order about to be submitted, in the registry's form. */
  function orderOf({
    who,
    amount,
    approved,
    permitted,
    otherwise,
  }: Situation): StoredTransaction & { readonly facts: ReturnType<typeof transactionOf> } {
    const made = transactionOf('trade_order', {
      drop: who === 'agent' ? ['limit_price'] : ['algo', 'limit_price'],
      set: { ...worth(amount), ...saying(otherwise, amount) },
      initiator: idOf(now),
      approvals: approved ? [{ approver: 'person:sid', role: 'supervisor', institution: own }] : [],
    });
    const { permitted: _, ...refused } = made;
    const facts = permitted === undefined ? refused : { ...made, permitted: signedInFor(permitted) };
    const record = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as RecordId;
    return {
      facts,
      id: facts.id as TransactionId,
      detail: facts.intent as unknown as AuthorizationDetail,
      intentDigest: facts.intentDigest,
      initiator: facts.initiator,
      initiatorInstitution: own,
      mandate: { id: facts.mandate.id as MandateId, version: 1, recordId: record },
      state: 'intended',
      version: 0,
    } as StoredTransaction & { readonly facts: ReturnType<typeof transactionOf> };
  }

  /** The same in the form of the token record. */
  function signedInFor({ acr, ago }: { readonly acr: string | undefined; readonly ago: number }) {
    const at = rig.clock.now();
    const record = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c2' as RecordId;
    return { record, at, reached: [], ...(acr === undefined ? {} : { acr, authTime: Math.floor(at / 1000) - ago }) };
  }

  const by = { id: 'service:own', institution: own };
  const codesOf = (reasons: readonly { readonly code: string }[]) => reasons.map(({ code }) => code).sort();
  /** Reasons about the actor and the firm: the same facts have the same code at every interface. */
  const actorReasons = new Set([
    ...['risk_takeover', 'recovered_recently', 'agent_not_certified', 'institution_not_in_good_standing'],
    ...['kyc_not_current', 'desk_unknown', 'risk_software', 'not_evaluable', 'mandate_not_in_force'],
  ]);
  const factsIn = (reasons: readonly { readonly code: string }[]) =>
    codesOf(reasons).filter((code) => actorReasons.has(code));

  it('answers from the same facts, in 1,000 situations, and no claim of a caller turns a deny into a permit', {
    timeout: 300_000,
  }, async () => {
    const seen = { yes: 0, no: 0, issued: 0 };
    await fc.assert(
      fc.asyncProperty(situations, async (situation) => {
        enter(situation);
        const order = orderOf(situation);
        const { facts } = order;
        rig.transactions.set(facts.id, { facts, parties: [own] });
        const principal = idOf(situation);
        const subject = { type: principal.split(':')[0] ?? '', id: principal };
        const resource = { type: 'transaction', id: facts.id };
        const action = { name: 'order:create' };
        const question = { subject, action, resource };

        const answer = await engine.evaluate(question, by);
        const [several] = await engine.evaluations({ evaluations: [question], semantic: 'execute_all' }, by);
        const people = await engine.search({ kind: 'subject', subject: { type: subject.type }, action, resource }, by);
        const actions = await engine.search({ kind: 'action', subject, resource }, by);
        const rule = lifeCycleOf(order.detail).rules.submit;
        if (rule === undefined) throw new Error('an order that nobody submits');
        const mandates = await checkMandates(rule.mandates, order, { now: rig.clock.now(), takenAt: 0 }, consentStore);
        const step = await decideOn(
          {
            rule,
            transaction: order,
            approvals: facts.approvals as never,
            now: rig.clock.now(),
            known: { destinationKnown: true, ...(facts.permitted === undefined ? {} : { permitted: facts.permitted }) },
            client: 'brk',
            institution: own,
          },
          { policyEngine: engine, audience: 'https://countersign.example/transactions' },
        );
        const unpermitted = permittedFault({
          asked: { institution: own },
          rule,
          transaction: order,
          known: facts,
        } as unknown as Attempt);
        const stepTaken = mandates.valid && unpermitted === undefined && step.decision;
        const doors = {
          evaluations: several?.decision,
          people: people.results.some((each) => 'id' in each && each.id === principal),
          actions: actions.results.some((each) => 'name' in each && each.name === 'order:create'),
          registry: stepTaken,
        };
        const same = answer.decision;
        expect(doors).toEqual({ evaluations: same, people: same, actions: same, registry: same });
        if (unpermitted !== undefined)
          // About people outside the directory the caller learns nothing.
          expect(codesOf(answer.reasons)).toEqual([situation.inDirectory ? 'intent_not_permitted' : 'not_evaluable']);
        else if (mandates.valid) expect(codesOf(step.reasons)).toEqual(codesOf(answer.reasons));

        const claimed = await engine.evaluate({ ...question, context: situation.said }, by);
        if (claimed.decision) expect(answer.decision).toBe(true);

        const token = await tokenFor(facts, []);
        const exchanged = await tokenFor(facts, ['service:own']);
        expect([exchanged.decision, codesOf(exchanged.reasons)]).toEqual([token.decision, codesOf(token.reasons)]);
        if (unpermitted === undefined) expect(factsIn(token.reasons)).toEqual(factsIn(answer.reasons));
        const { otherwise } = situation;
        if (otherwise !== undefined) {
          expect(answer.decision).toBe(false);
          if (situation.inDirectory) expect(codesOf(token.reasons)).toContain(refusedOtherwise[otherwise]);
        }
        // A token is no step: only the step's own further requirements, approvals, may still be missing.
        if (answer.decision) expect([token.decision, codesOf(token.reasons)]).toEqual([true, []]);
        seen[answer.decision ? 'yes' : 'no'] += 1;
        if (token.decision) seen.issued += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(seen.yes + seen.no).toBeGreaterThanOrEqual(1_000);
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });

  it.each<[StandingRevocationTarget['kind'], (facts: ReturnType<typeof transactionOf>) => string]>([
    ['principal', ({ initiator }) => initiator],
    ['partner', ({ initiatorInstitution }) => initiatorInstitution],
    ['mandate', ({ mandate }) => mandate.id],
    ['client', () => 'brk'],
  ])('denies while the %s is revoked, and permits again once that is lifted', async (kind, idIn) => {
    const { facts, said, record } = enterOrderly();
    const target = { kind, id: idIn(facts) };
    expect(await said()).toEqual({ doors: all(true), reasons: [] });
    await record('token.revoked', [revoked(target, 'operator', by)]);
    expect(await said()).toEqual({ doors: all(false), reasons: ['authority_revoked'] });
    expect(rig.records.findLast(({ type }) => type === 'decision.made')).toMatchObject({
      outcome: 'deny',
      reason: 'authority_revoked',
    });
    await record('revocation.lifted', [lifted(target, 'operator')]);
    expect(await said()).toEqual({ doors: all(true), reasons: [] });
  });

  it.each<[HaltTarget['kind'], (facts: ReturnType<typeof transactionOf>) => string]>([
    ['firm', ({ initiatorInstitution }) => initiatorInstitution],
    ['desk', ({ initiatorInstitution }) => `${initiatorInstitution}/cash`],
    ['trader', ({ initiator }) => initiator],
    ['client', () => 'brk'],
    ['venue', ({ intent }) => String(intent['venue_mic'])],
    ['instrument-class', () => 'E'],
    ['partner', ({ intent }) => String(intent['entity_lei'])],
  ])('denies while the %s is halted, and permits again once that is released', async (kind, idIn) => {
    const { facts, said, record } = enterOrderly();
    const subject = haltSubject({ kind, id: idIn(facts) }, 'operator');
    expect(await said()).toEqual({ doors: all(true), reasons: [] });
    await record('halt.tripped', [standing(subject, {}), standing(haltsInForce, {})]);
    expect(await said()).toEqual({ doors: all(false), reasons: ['trading_halted'] });
    expect(rig.records.findLast(({ type }) => type === 'decision.made')).toMatchObject({
      outcome: 'deny',
      reason: 'trading_halted',
    });
    await record('halt.released', [ended(subject), ended(haltsInForce)]);
    expect(await said()).toEqual({ doors: all(true), reasons: [] });
  });

  const all = (word: boolean) => ({
    ...{ evaluation: word, evaluations: word, people: word, actions: word, token: word, registry: word },
  });

  /** An order with everything in order, what each door says about it, and a way to record what stops it. */
  function enterOrderly() {
    enter({
      ...{ who: 'trader', certificate: 'Approved', signals: [], mandateInForce: true, lei: 'ISSUED', kyc: 'approved' },
      ...{
        inDirectory: true,
        desk: 'cash',
        amount: '900',
        approved: true,
        otherwise: undefined,
        permitted: { acr: 'phr', ago: 10 },
        said: {},
      },
    });
    const order = orderOf(now);
    const { facts } = order;
    rig.transactions.set(facts.id, { facts, parties: [own] });
    const rule = lifeCycleOf(order.detail).rules.submit;
    if (rule === undefined) throw new Error('an order that nobody submits');
    const log: StandingReader = { standings: async (things) => standingsIn(rig.records, things) };
    const directory = { snapshot: () => rig.directory };
    const client = parseClientId('brk');
    const mandate = facts.mandate.id as MandateId;
    if (client === undefined) throw new Error('a fixture that its own parser refuses');

    const said = async () => {
      const subject = { type: 'person', id: facts.initiator };
      const resource = { type: 'transaction', id: facts.id };
      const action = { name: 'order:create' };
      const context = { client };
      const question = { subject, action, resource, context };
      const answer = await engine.evaluate(question, by);
      const [several] = await engine.evaluations({ evaluations: [question], semantic: 'execute_all' }, by);
      const ask = { context, page: { limit: 1_000 } };
      const people = await engine.search(
        { kind: 'subject', subject: { type: 'person' }, action, resource, ...ask },
        by,
      );
      const actions = await engine.search({ kind: 'action', subject, resource, ...ask }, by);
      const request = {
        authority: { subject: facts.initiator, actors: [], institution: own as never },
        client: { id: client, principal: by.id as never, institution: own as never },
        directory: rig.directory,
        mandates: [mandate],
        scopes: new Set(['order:create'] as const),
        granted: { detail: order.detail, action: 'order:create', notAfter: rig.clock.now() } as const,
      };
      const token = await codeOf(Promise.all([checkRevoked(request, log), checkHalted(request, log)]));
      const attempt = { asked: { by: { id: by.id, client }, institution: own }, rule, transaction: order } as never;
      const step =
        (await revokedFault(attempt, [mandate], { directory, audit: log })) ??
        (await haltedFault(attempt, { directory, audit: log }));
      return {
        doors: {
          evaluation: answer.decision,
          evaluations: several?.decision,
          people: people.results.some((each) => 'id' in each && each.id === facts.initiator),
          actions: actions.results.some((each) => 'name' in each && each.name === 'order:create'),
          token: token === 'nothing was refused',
          registry: step === undefined,
        },
        reasons: answer.reasons.map(({ code }) => code),
      };
    };
    const record = async (type: EvidenceRecord['type'], standing: readonly Standing[]) => {
      const id = newId('record', { clock: rig.clock, random: systemRandom });
      rig.records.push({ id, type, source: 'a test', outcome: 'done', standing });
    };
    return { facts, said, record };
  }

  /** The token endpoint's question for a person who signed in with a security key: the one of the permitted token. */
  function tokenFor(facts: ReturnType<typeof transactionOf>, actors: readonly string[]) {
    const { acr, authTime = Math.floor(rig.clock.now() / 1000) - 10 } = facts.permitted ?? {};
    const authority = {
      subject: facts.initiator,
      institution: own,
      actors,
      ceiling: {},
      authentication: { method: 'jwt-bearer', acr: acr === 'phrh' ? acr : 'phr', authTime },
      usedUp: undefined,
      references: [],
    } as Authority;
    const valid: Pick<DecisionInput['context'], 'mandateInForce'> = { mandateInForce: now.mandateInForce };
    return decideOnToken(
      {
        authority,
        client: { id: 'oms' } as never,
        resource: { uri: 'https://oms.example/orders' } as Resource,
        audience: 'https://oms.example/orders',
        scopes: new Set(['order:create'] as const),
        granted: undefined,
        transaction: { id: facts.id, intentDigest: facts.intentDigest as never, facts },
        now: rig.clock.now(),
      },
      {
        policyEngine: {
          decide: (input) => engine.decide({ ...input, context: { ...input.context, ...valid } }),
        },
      },
    );
  }
});
