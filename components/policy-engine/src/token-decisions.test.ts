import { developmentAcr } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { scopeActionOf } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBundle, type RunningPolicyEngine, readBundleFolder, shippedPolicies } from './index.ts';
import { dealing, lapsed, own, stranger, tokenQuestion, transactionOf, typeNames } from './testing/desk.ts';
import { createEngineRig, type EngineRig } from './testing/engine-rig.ts';
import { issuedTo } from './testing/issued-token.ts';

const issuable = typeNames.filter((name) => scopeActionOf(transactionTypeOf(name)) !== undefined);
const leavingTheFirm: readonly string[] = ['withdrawal', 'address_book_change'];

function transactionTypeOf(name: (typeof typeNames)[number]) {
  return { type: `urn:countersign:rar:v1:${name}` as const };
}

describe('a token on the shipped policies', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  let developmentEngine: RunningPolicyEngine;
  /** The one action that the mandate of every transaction allows. */
  let held: string | undefined;

  beforeAll(async () => {
    rig = await createEngineRig();
    const consentStore = {
      check: async ({ use }: { use: { action: string } }) => ({ valid: use.action === held, chain: [] }),
    };
    engine = await rig.start({ consentStore: consentStore as never });
    developmentEngine = await rig.start({ environment: 'development' });
  });
  afterAll(() => rig.close());

  const ask = (...question: Parameters<typeof tokenQuestion>) => engine.decide(tokenQuestion(...question));
  const codesOf = ({ reasons }: Awaited<ReturnType<RunningPolicyEngine['decide']>>) => reasons.map(({ code }) => code);

  it('can be issued for nine of the ten types', () => {
    expect(issuable).toHaveLength(9);
    expect(typeNames.filter((name) => !issuable.includes(name))).toEqual(['privileged_admin']);
  });

  describe.each(issuable)('for an intent of type %s', (name) => {
    const dealt = dealing.includes(name);
    const forPeople = () => transactionOf(name, { drop: ['algo'] });

    it.each(['phr', 'phrh'])('is permitted to a person of the firm who signed in with %s', async (acr) => {
      const decision = await ask('person:own', forPeople(), { acr });
      expect(decision).toMatchObject({ decision: true, errors: [], reasons: [] });
      expect(decision.determining).toEqual([
        dealt
          ? 'token-for-a-trade'
          : leavingTheFirm.includes(name)
            ? 'token-for-a-withdrawal-by-a-person'
            : 'token-for-post-trade-work',
      ]);
    });

    it(`is ${dealt ? 'denied' : 'permitted'} to a service of the firm`, async () => {
      const decision = await ask('service:own', forPeople());
      expect(decision).toMatchObject({ decision: !dealt, errors: [] });
      expect(codesOf(decision)).toEqual(dealt ? ['no_policy_permits'] : []);
    });

    it(`is ${dealt ? 'permitted' : 'denied'} to a certified agent of the firm`, async () => {
      const decision = await ask('agent:vwap', transactionOf(name));
      expect(decision).toMatchObject({ decision: dealt, errors: [] });
      expect(codesOf(decision)).toEqual(dealt ? [] : ['agent_not_entitled']);
    });

    it.each([
      ['nobody signed in', {}],
      ['the sign-in is by password', { acr: 'pwd' }],
    ])('is denied to a person when %s', async (_, context) => {
      expect(await ask('person:own', forPeople(), context)).toMatchObject({
        decision: false,
        reasons: [{ code: 'sign_in_too_weak' }],
      });
    });

    it('is denied when the mandate is not in force', async () => {
      const decision = await ask('person:own', forPeople(), { acr: 'phr', mandateInForce: false });
      expect(decision).toMatchObject({ decision: false, reasons: [{ code: 'mandate_not_in_force' }] });
    });

    it.each(['person:stranger', 'service:stranger'])('is denied to %s, who is of another firm', async (principal) => {
      const decision = await ask(principal, forPeople(), { acr: 'phr' });
      expect(decision.decision).toBe(false);
      expect(codesOf(decision)).toEqual([dealt ? 'no_policy_permits' : 'entity_not_own']);
    });

    it('is denied to another firm even when the intent is in its name', async () => {
      const decision = await ask('person:stranger', transactionOf(name, { drop: ['algo'], entity: stranger }), {
        acr: 'phr',
      });
      expect(decision).toMatchObject({ decision: false, reasons: [{ code: 'no_policy_permits' }] });
    });

    it(`is ${dealt ? 'permitted' : 'denied'} in the name of another institution`, async () => {
      const decision = await ask('person:own', transactionOf(name, { drop: ['algo'], entity: stranger }), {
        acr: 'phr',
      });
      expect(decision.decision).toBe(dealt);
      expect(codesOf(decision)).toEqual(dealt ? [] : ['entity_not_own']);
    });

    const carried = ['clearing_submission', 'settlement_instruction', 'regulatory_report'].includes(name);
    it(`is ${carried ? 'permitted' : 'denied'} to an institution whose LEI has lapsed`, async () => {
      const about = { ...forPeople(), initiatorInstitution: lapsed };
      const facts = { ...about, intent: { ...about.intent, entity_lei: lapsed } };
      const scopes = [String(scopeActionOf(transactionTypeOf(name)))];
      const codes = codesOf(await ask('person:lapsed', facts, { acr: 'phr', scopes, institution: lapsed }));
      expect(codes.includes('institution_not_in_good_standing')).toBe(!carried);
    });

    it('checks the mandate for the scope that the type uses, and for no other', async () => {
      const facts = forPeople();
      rig.transactions.set(facts.id, { facts, parties: [own] });
      const evaluate = () =>
        engine.evaluate(
          {
            subject: { type: 'person', id: 'person:own' },
            action: { name: 'token:issue' },
            resource: { type: 'transaction', id: facts.id },
            context: { evidence: issuedTo(rig, { subject: 'person:own', acr: 'phr' }) },
          },
          { id: 'service:own', institution: own },
        );
      held = scopeActionOf(transactionTypeOf(name));
      expect(await evaluate()).toMatchObject({ decision: true });
      held = name === 'trade_order' ? 'rfq:create' : 'order:create';
      expect(codesOf(await evaluate())).toEqual(['mandate_not_in_force']);
    });

    it('is denied when the intent does not say in whose name it is', async () => {
      const decision = await ask('person:own', transactionOf(name, { drop: ['algo', 'entity_lei'] }), { acr: 'phr' });
      expect(decision).toMatchObject({ decision: false, reasons: [{ code: 'not_evaluable' }] });
    });
  });

  it.each(dealing)('for an intent of type %s is denied without notional or instrument', async (name) => {
    for (const field of ['max_notional', 'instrument'])
      expect(await ask('person:own', transactionOf(name, { drop: ['algo', field] }), { acr: 'phr' })).toMatchObject({
        decision: false,
        reasons: [{ code: 'not_evaluable' }],
      });
  });

  it.each(dealing)('for an intent of type %s is denied to a person who is not a trader', async (name) => {
    const decision = await ask('person:clerk', transactionOf(name, { drop: ['algo'] }), { acr: 'phr' });
    expect(decision).toMatchObject({ decision: false, reasons: [{ code: 'no_policy_permits' }] });
  });

  it.each(['person:own', 'service:own'])(
    'for an administrative change is denied to %s: no policy permits one',
    async (principal) => {
      const decision = await ask(principal, transactionOf('privileged_admin', { drop: ['algo'] }), { acr: 'phr' });
      expect(decision).toMatchObject({ decision: false, determining: [], errors: [] });
      expect(codesOf(decision)).toEqual(['no_policy_permits']);
    },
  );

  it.each(['urn:countersign:rar:v1:everything', 'constructor', ''])(
    'for an intent of the unknown type "%s" is denied',
    async (intentType) => {
      const decision = await ask('service:own', { ...transactionOf('withdrawal'), intentType });
      expect(decision).toMatchObject({ decision: false, reasons: [{ code: 'not_evaluable' }] });
    },
  );

  describe('by consent', () => {
    const consented = { actorDepth: 1, client: 'trading-desk', scopes: ['order:create'] };

    it('is permitted for an order to a person who acts through a service of the firm', async () => {
      const order = transactionOf('trade_order', { drop: ['algo'] });
      expect(await ask('person:own', order, { ...consented, acr: 'phr' })).toMatchObject({
        decision: true,
        determining: ['token-for-a-trade'],
      });
    });

    it.each(issuable)('with the development sign-in is permitted for %s in development', async (name) => {
      const question = tokenQuestion('person:own', transactionOf(name, { drop: ['algo'] }), {
        ...consented,
        acr: developmentAcr,
      });
      expect(await developmentEngine.decide(question)).toMatchObject({ decision: true, errors: [] });
    });

    it.each(issuable)('with the development sign-in is denied for %s elsewhere', async (name) => {
      const question = tokenQuestion('person:own', transactionOf(name, { drop: ['algo'] }), {
        ...consented,
        acr: developmentAcr,
      });
      for (const elsewhere of [engine, await rig.start({ environment: 'production' })])
        expect(await elsewhere.decide(question)).toMatchObject({
          decision: false,
          reasons: [{ code: 'sign_in_for_development' }],
        });
    });

    it('is still denied in development to a person who did not sign in, or only with a password', async () => {
      for (const context of [consented, { ...consented, acr: 'pwd' }, { ...consented, acr: `${developmentAcr} ` }]) {
        const question = tokenQuestion('person:own', transactionOf('withdrawal'), context);
        expect(codesOf(await developmentEngine.decide(question))).toEqual(['sign_in_too_weak']);
      }
    });

    it('has a different input in a different installation', async () => {
      const question = tokenQuestion('person:own', 'https://venue.example/orders', consented);
      const [here, there] = await Promise.all([engine.decide(question), developmentEngine.decide(question)]);
      expect(here.inputDigest).not.toBe(there.inputDigest);
    });
  });

  it.each([
    ['withdrawal:request', 'withdrawal'],
    ['withdrawal-address:propose', 'address_book_change'],
  ] as const)('with %s is for an intent of the type %s and of no other', async (scope, own) => {
    for (const name of issuable) {
      const decision = await ask('person:own', transactionOf(name, { drop: ['algo'] }), {
        acr: 'phr',
        scopes: [scope],
      });
      expect(codesOf(decision)).toEqual(name === own ? [] : ['intent_of_another_type']);
    }
  });

  describe('without an intent', () => {
    const userinfo = 'https://control.example/userinfo';
    const plain: readonly [string, string, string[]][] = [
      ['to read orders', 'https://venue.example/orders', ['order:read']],
      ['for userinfo with openid', userinfo, ['openid']],
      ['for userinfo without a scope', userinfo, []],
    ];

    it.each(plain)('is permitted %s', async (_, uri, scopes) => {
      for (const [principal, context] of [
        ['person:own', { acr: 'phr' }],
        ['person:clerk', { acr: 'pwd' }],
        ['service:own', {}],
        ['agent:vwap', {}],
      ] as const)
        expect(await ask(principal, uri, { ...context, scopes, audience: uri })).toMatchObject({
          decision: true,
          determining: ['token-for-an-interface'],
          errors: [],
        });
    });

    it.each(['withdrawal:request', 'withdrawal-address:propose'])('is denied to everyone with %s', async (scope) => {
      const uri = 'https://wallet.example/withdrawals';
      for (const principal of ['person:own', 'service:own', 'agent:vwap'])
        expect(
          codesOf(await ask(principal, uri, { acr: 'phr', scopes: ['order:read', scope], audience: uri })),
        ).toEqual(expect.arrayContaining(['intent_missing', 'transaction_missing']));
    });

    it.each([...plain, ['to cancel', 'https://venue.example/orders', ['order:cancel']] as const])(
      'is permitted %s when the LEI has lapsed',
      async (_, uri, scopes) => {
        expect((await ask('person:lapsed', uri, { scopes, audience: uri })).decision).toBe(true);
      },
    );

    it('is permitted with a lapsed LEI for a step that completes, and denied for one that starts', async () => {
      const uri = 'https://control.example/transactions';
      const transaction = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId;
      for (const onlyCompletes of [true, false]) {
        const step = { transaction, events: ['clear'], onlyCompletes };
        const about = { scopes: ['settlement:instruct'], audience: uri, acr: 'phr', step };
        expect(codesOf(await ask('person:lapsed', uri, about))).toEqual(
          onlyCompletes ? [] : ['institution_not_in_good_standing'],
        );
      }
    });

    it.each(plain)('is permitted %s by the development sign-in only in development', async (_, uri, scopes) => {
      const question = tokenQuestion('person:own', uri, { scopes, audience: uri, acr: developmentAcr });
      expect((await developmentEngine.decide(question)).decision).toBe(true);
      expect(codesOf(await engine.decide(question))).toEqual(['sign_in_for_development']);
    });
  });

  describe('a step in the life of an order', () => {
    const approvals = [{ approver: 'person:bernd', role: 'supervisor', institution: own }];
    const steps = ['order:create', 'order:cancel', 'trade:affirm', 'settlement:instruct', 'settlement:release'];
    /** Steps after a trade may have their own intent and life cycle. */
    const ownSteps: Readonly<Record<string, readonly string[]>> = {
      clearing_submission: ['trade:affirm'],
      settlement_instruction: ['settlement:instruct', 'settlement:release'],
    };

    it.each(typeNames.filter((name) => !dealing.includes(name)))(
      'is denied for an intent of type %s, whatever was approved',
      async (name) => {
        for (const action of steps.filter((step) => ownSteps[name]?.includes(step) !== true))
          for (const state of ['intended', 'submitted', 'executed', 'cleared']) {
            const about = { ...transactionOf(name, { approvals }), state };
            const decision = await engine.decide({ ...tokenQuestion('person:own', about, { acr: 'phr' }), action });
            expect(decision).toMatchObject({ decision: false, obligations: [] });
            expect(codesOf(decision)).toContain('intent_without_order');
          }
      },
    );
  });

  it('cannot be covered by a policy that assumes a notional', async () => {
    const bundle = await readBundleFolder(shippedPolicies);
    const withPolicy = (guard: string) =>
      loadBundle({
        ...bundle,
        policies: [
          {
            file: 'a.cedar',
            text: `@id("a") forbid (principal, action == Action::"token:issue", resource is Transaction)
                   when { ${guard} resource.notional.greaterThan(decimal("1.0")) };`,
          },
        ],
      });
    expect(() => withPolicy('')).toThrow(expect.objectContaining({ code: 'policy_invalid' }));
    expect(withPolicy('resource has notional &&').parsed.policies).toHaveLength(1);
  });
});
