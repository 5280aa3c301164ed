import type { Account, ApprovalMethod, DecisionInput, Institution } from '@countersign/contracts';
import type { DecimalString, Json, RecordId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clearer } from '../../../../protocols/market/src/testing/example-details.ts';
import type { RunningPolicyEngine } from '../index.ts';
import {
  desk,
  directoryOf,
  inOrder,
  institution,
  instrument,
  market,
  midday,
  own,
  person,
  rate,
  stepQuestion,
  stranger,
  tokenQuestion,
  transactionOf,
} from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';

type Seen = {
  readonly context: Readonly<Record<string, Json>> & { readonly gates: Readonly<Record<string, Json>> };
  readonly local: readonly { readonly attrs: Readonly<Record<string, Json>>; readonly uid: Json }[];
  readonly resource: Json;
  readonly principal: Json;
};

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig({ policies: '@id("yes") permit (principal, action, resource);' });
  engine = await rig.start();
});
afterAll(() => rig.close());

/** What the policies see of a question, taken from what is recorded. */
async function seen(input: DecisionInput, directory = desk): Promise<Seen> {
  rig.directory = directory;
  return JSON.parse((await engine.decide(input)).inputText) as Seen;
}
const placing = (context: Partial<DecisionInput['context']> & { principal?: string } = {}) =>
  stepQuestion('order:create', transactionOf('trade_order', { drop: ['algo'] }), context);
const entity = (type: string, id: string) => ({ __entity: { type, id } });
const decimal = (arg: string) => ({ __extn: { fn: 'decimal', arg } });
const datetime = (arg: string) => ({ __extn: { fn: 'datetime', arg } });

const noneCertified = { compliance: 0, desk_head: 0, operations: 0, risk: 0, supervisor: 0 };

describe('of an order the policies see', () => {
  it('the digested intent, with its instrument and its mandate', async () => {
    const { local, resource } = await seen(placing());
    const [order, instrument, mandate] = local;
    expect(order?.uid).toEqual(resource);
    expect(order?.attrs).toEqual({
      account: entity('Account', `${own}-1`),
      algorithmic: false,
      approvals: { compliance: 0, desk_head: 0, operations: 0, risk: 0, supervisor: 0 },
      currency: 'USD',
      destinationKnown: true,
      differs: [],
      entityInstitution: entity('Institution', own),
      initiator: 'person:own',
      initiatorInstitution: entity('Institution', own),
      instrument: entity('Instrument', 'US0378331005'),
      intentType: 'urn:countersign:rar:v1:trade_order',
      jurisdiction: entity('Jurisdiction', 'DE'),
      mandate: entity('Mandate', 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3'),
      notional: decimal('190125.0'),
      notionalBase: decimal('171112.5'),
      rate: { asOf: datetime('2026-11-20T05:00:00.000Z'), base: 'EUR', rate: '0.9', source: 'test' },
      parties: [entity('Institution', own), entity('Institution', clearer)],
      quantity: decimal('1000.0'),
      state: 'intended',
      permitted: {},
      tradeKnown: true,
      venue: entity('Venue', 'XNAS'),
    });
    expect(instrument).toMatchObject({
      uid: { type: 'Instrument', id: 'US0378331005' },
      attrs: { category: 'E', complex: false, group: 'ES' },
    });
    expect(mandate).toMatchObject({ uid: { type: 'Mandate' }, attrs: { version: 1 } });
  });

  it('every approval by somebody else of the initiator’s institution, once a person, by role', async () => {
    const given = (approver: string, role: string, institution: string = own) => ({ approver, role, institution });
    const approvals = [
      given('person:a', 'supervisor'),
      given('person:a', 'supervisor'),
      given('person:b', 'supervisor'),
      given('person:a', 'desk-head'),
      given('person:own', 'risk'),
      given('person:c', 'compliance', stranger),
      given('person:d', 'operations'),
      given('person:e', 'nobody'),
    ];
    const { local } = await seen(stepQuestion('order:create', transactionOf('trade_order', { approvals })));
    expect(local[0]?.attrs['approvals']).toEqual({
      compliance: 0,
      desk_head: 1,
      operations: 1,
      risk: 0,
      supervisor: 2,
    });
  });

  it('which of the approvals were signed with certificates', async () => {
    const given = (approver: string, method: ApprovalMethod) => ({
      ...{ approver: `person:${approver}`, role: 'supervisor', institution: own, method },
    });
    const approvals = [given('a', 'certificate'), given('b', 'authenticator'), given('c', 'directory-key')];
    const { local } = await seen(stepQuestion('order:create', transactionOf('trade_order', { approvals })));
    expect(local[0]?.attrs['approvals']).toMatchObject({
      ...{ supervisor: 3, certified: { ...noneCertified, supervisor: 1 } },
    });
  });

  it('as desk head the head of the initiator’s desk, or somebody who heads several desks', async () => {
    const head = (name: string, changes: Parameters<typeof person>[2]) => person(name, own, { roles: [], ...changes });
    const { desk: _, ...ofNoDesk } = head('several', {});
    const principals = [...market.principals, head('same', {}), head('other', { desk: 'rates' }), ofNoDesk];
    const approvedBy = async (...names: readonly string[]) => {
      const approvals = names.map((name) => ({ approver: `person:${name}`, role: 'desk-head', institution: own }));
      const facts = transactionOf('trade_order', { drop: ['algo'], approvals });
      const { local } = await seen(stepQuestion('order:create', facts), directoryOf({ principals }));
      return Object(local[0]?.attrs['approvals'])['desk_head'];
    };
    expect(await approvedBy('same')).toBe(1);
    expect(await approvedBy('several')).toBe(1);
    expect(await approvedBy('other')).toBe(0);
    expect(await approvedBy('other', 'same', 'several')).toBe(2);
  });

  it('of the traders of the initiator’s desk only an approval as supervisor', async () => {
    const named = (name: string, desk: string) => person(name, own, { desk, roles: ['trader'] });
    const begun = person('begins', own, { desk: 'rates', roles: ['trader'] });
    const principals = [...market.principals, begun, named('same', 'rates'), named('other', 'credit')];
    const approvedAs = async (name: string, role: string) => {
      const approvals = [{ approver: `person:${name}`, role, institution: own }];
      const facts = transactionOf('trade_order', { drop: ['algo'], initiator: begun.id, approvals });
      const { local } = await seen(stepQuestion('order:create', facts), directoryOf({ principals }));
      return Object(local[0]?.attrs['approvals'])[role.replace('-', '_')];
    };
    for (const role of ['risk', 'compliance', 'operations', 'desk-head'])
      expect(await approvedAs('same', role)).toBe(0);
    for (const role of ['risk', 'compliance', 'operations']) expect(await approvedAs('other', role)).toBe(1);
    expect(await approvedAs('same', 'supervisor')).toBe(1);
  });

  it.each([
    ['1', '1.0'],
    ['1.2345', '1.2345'],
    ['1.23451', '1.2346'],
    ['0.00000001', '0.0001'],
    ['0.99999', '1.0000'],
    ['922337203685475', '922337203685475.0'],
  ])('an amount of %s as %s', async (amount, shown) => {
    const facts = transactionOf('trade_order', { set: { max_notional: { amount, ccy: 'EUR' } } });
    const { local } = await seen(stepQuestion('order:create', facts));
    expect(local[0]?.attrs).toMatchObject({ notional: decimal(shown), notionalBase: decimal(shown) });
  });

  it.each([
    [{ isin: 'DE000EXMPL17', cfi: 'DBFTFB' }, 'DE000EXMPL17'],
    [{ upi: 'QZRBG6ZTKS42', cfi: 'SRCCSP' }, 'QZRBG6ZTKS42'],
    [{ cfi: 'SRCCSP' }, 'cfi:SRCCSP'],
  ])('the instrument %o as %s', async (instrument, id) => {
    const { local } = await seen(stepQuestion('order:create', transactionOf('trade_order', { set: { instrument } })));
    expect(local[0]?.attrs['instrument']).toEqual(entity('Instrument', id));
  });
});

describe('of reference data the policies see', () => {
  const differsOf = async (
    set: Parameters<typeof transactionOf>[1] & object,
    directory: Parameters<typeof seen>[1] = desk,
  ): Promise<Json> => {
    const { local } = await seen(stepQuestion('order:create', transactionOf('trade_order', set)), directory);
    return local[0]?.attrs['differs'] ?? null;
  };
  const isin = 'US0378331005';

  it('the class of the instrument, whatever the intent says', async () => {
    const facts = transactionOf('trade_order', { set: { instrument: { isin, cfi: 'DBFTFB' } } });
    const { local } = await seen(stepQuestion('order:create', facts));
    expect(local[1]).toMatchObject({ uid: { id: isin }, attrs: { category: 'E', complex: false, group: 'ES' } });
    expect(local[0]?.attrs['differs']).toEqual(['cfi']);
  });

  it('nothing of an instrument that is not recorded', async () => {
    const facts = transactionOf('trade_order', { set: { instrument: { isin: 'DE000EXMPL17', cfi: 'ESVUFR' } } });
    const { local } = await seen(stepQuestion('order:create', facts));
    expect(local.map(({ uid }) => Object(uid).type)).toEqual(['Transaction', 'Mandate']);
    expect(local[0]?.attrs['instrument']).toEqual(entity('Instrument', 'DE000EXMPL17'));
  });

  it('how the intent differs from it', async () => {
    expect(await differsOf({})).toEqual([]);
    expect(await differsOf({ set: { venue_mic: 'XEUR' } })).toEqual(['venue']);
    expect(await differsOf({ set: { max_notional: { amount: '190125', ccy: 'EUR' } } })).toEqual(['currency']);
    expect(await differsOf({ set: { limit_price: { amount: '1', ccy: 'EUR' } } })).toEqual(['currency']);
    // A thousand at 190.125 each.
    expect(await differsOf({ set: { max_notional: { amount: '190124.99', ccy: 'USD' } } })).toEqual(['max_notional']);
    expect(await differsOf({ set: { max_notional: { amount: '1', ccy: 'USD' } }, drop: ['limit_price'] })).toEqual([]);
  });

  it('the notional, multiplied by the multiplier of the instrument', async () => {
    const contracts = instrument(isin, 'ESVUFR', 'USD', ['XNAS'], { priceMultiplier: '100' as DecimalString });
    const directory = directoryOf({ instruments: [contracts] });
    expect(await differsOf({}, directory)).toEqual(['max_notional']);
    expect(await differsOf({ set: { max_notional: { amount: '19012500', ccy: 'USD' } } }, directory)).toEqual([]);
  });

  it('an instrument without venues as one traded off venue', async () => {
    const directory = directoryOf({ instruments: [instrument(isin, 'ESVUFR', 'USD', [])] });
    expect(await differsOf({}, directory)).toEqual(['venue']);
    expect(await differsOf({ set: { venue_mic: 'XXXX' } }, directory)).toEqual([]);
    expect(await differsOf({ set: { venue_mic: 'XOFF' } })).toEqual(['venue']);
  });

  it.each([
    ['of the day before', { asOf: '2026-11-19T12:00:00Z' }, '171112.5'],
    ['of four days before', { asOf: '2026-11-16T12:00:00Z' }, '171112.5'],
    ['that is older', { asOf: '2026-11-16T11:59:59.999Z' }, undefined],
    ['that is dated ahead', { asOf: '2026-11-20T12:02:00Z' }, undefined],
  ])('the value in the base currency by a rate %s', async (_, changes, worthInEuro) => {
    const directory = directoryOf({ rates: [rate('USD', '0.9', changes)] });
    const { local } = await seen(placing(), directory);
    expect(local[0]?.attrs['notionalBase']).toEqual(worthInEuro === undefined ? undefined : decimal(worthInEuro));
    expect(local[0]?.attrs['rate']).toMatchObject({ base: 'EUR', rate: '0.9', source: 'test' });
  });

  it('of an allocation the instrument of the trade, and the common suitability of all its clients', async () => {
    const [fundA, fundB] = [stranger, clearer as Lei];
    const retail = (lei: Lei, ...suitableFor: readonly string[]) =>
      institution(lei, { compliance: { ...inOrder, category: 'retail', suitableFor } });
    const directory = directoryOf({
      institutions: [institution(own), retail(fundA, 'E', 'D'), retail(fundB, 'E', 'S')],
      accounts: [
        { id: 'FUND-A' as Account['id'], institution: fundA, type: 'Client' },
        { id: 'FUND-B' as Account['id'], institution: fundB, type: 'Client' },
      ],
    });
    const { local } = await seen(tokenQuestion('person:own', transactionOf('allocation')), directory);
    expect(local[0]?.attrs).toMatchObject({
      instrument: entity('Instrument', isin),
      allocation: { categories: ['retail'], categoriesKnown: true, professionalSuitedFor: [], retailSuitedFor: ['E'] },
    });
    const unknown = await seen(tokenQuestion('person:own', transactionOf('allocation')), directoryOf({ accounts: [] }));
    expect(unknown.local[0]?.attrs['allocation']).toMatchObject({ categories: [], categoriesKnown: false });
  });
});

const attrsOfFacts = async (facts: Parameters<typeof tokenQuestion>[1]) =>
  (await seen(tokenQuestion('person:own', facts))).local[0]?.attrs;

describe('of other intents the policies see', () => {
  it.each([
    ['allocation', [clearer]],
    ['clearing_submission', [clearer, own]],
    ['settlement_instruction', [stranger, own]],
    ['address_book_change', [own]],
    ['regulatory_report', [clearer]],
    ['withdrawal', []],
  ] as const)('every institution that a %s names', async (name, parties) => {
    const { local } = await seen(tokenQuestion('person:own', transactionOf(name)));
    expect(local[0]?.attrs['parties']).toEqual(parties.map((lei) => entity('Institution', lei)));
  });

  it('what is settled, delivered or withdrawn', async () => {
    const attrsOf = async (name: 'settlement_instruction' | 'collateral_transfer' | 'withdrawal') =>
      (await seen(tokenQuestion('person:own', transactionOf(name)))).local[0]?.attrs;
    expect(await attrsOf('settlement_instruction')).toMatchObject({ notional: decimal('190125.5'), currency: 'USD' });
    expect(await attrsOf('collateral_transfer')).toMatchObject({ quantity: decimal('250000.0') });
    expect(await attrsOf('collateral_transfer')).toMatchObject({ notionalBase: decimal('250000.0') });
    expect(await attrsOf('withdrawal')).toMatchObject({ quantity: decimal('12.5') });
    expect(await attrsOf('withdrawal')).not.toHaveProperty('notional');
  });

  it('a destination as new unless the registry knows it', async () => {
    for (const [destinationKnown, shown] of [
      [true, true],
      [false, false],
    ] as const)
      expect(
        (await seen(tokenQuestion('person:own', transactionOf('withdrawal', { destinationKnown })))).local[0]?.attrs,
      ).toMatchObject({ destinationKnown: shown });
    const { destinationKnown: _, ...untold } = transactionOf('withdrawal');
    expect((await seen(tokenQuestion('person:own', untold))).local[0]?.attrs['destinationKnown']).toBe(false);
  });

  it('how the initiator had signed in for its token, and how long before', async () => {
    const record = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c2' as RecordId;
    const permitted = { record, at: midday, acr: 'phrh', authTime: midday / 1000 - 90, reached: [] };
    expect(await attrsOfFacts(transactionOf('trade_order', { permitted }))).toMatchObject({
      permitted: { acr: 'phrh', authAgeSeconds: 90 },
    });
    const { permitted: _, ...refused } = transactionOf('trade_order');
    expect(await attrsOfFacts(refused)).not.toHaveProperty('permitted');
  });

  it('a trade as unknown unless the registry knows it', async () => {
    for (const tradeKnown of [true, false])
      expect(await attrsOfFacts(transactionOf('settlement_instruction', { tradeKnown }))).toMatchObject({ tradeKnown });
    const { tradeKnown: _, ...untold } = transactionOf('settlement_instruction');
    expect(await attrsOfFacts(untold)).toMatchObject({ tradeKnown: false });
  });
});

describe('of the circumstances the policies see', () => {
  it('the time, and whether the desk is staffed', async () => {
    expect((await seen(placing())).context).toMatchObject({
      now: datetime('2026-11-20T12:00:00.000Z'),
      deskOpen: true,
      region: 'default',
      development: false,
      signals: [],
    });
    expect((await seen(placing({ at: midday + 12 * 3_600_000 }))).context['deskOpen']).toBe(false);
  });

  it.each([
    ['a principal without a desk', directoryOf({ principals: [person('own', own, { desk: 'unheard-of' })] })],
    [
      'a desk of another firm by the same name',
      directoryOf({ desks: market.desks.filter((each) => each.institution !== own) }),
    ],
  ])('nobody at the desk for %s', async (_, directory) => {
    expect((await seen(placing(), directory)).context['deskOpen']).toBe(false);
  });

  it.each([
    [0, 0],
    [300, 300],
    // Clocks differ a little; a sign-in slightly in the future counts as now.
    [-30, 0],
  ])('a sign-in %s seconds ago as one of %s', async (ago, shown) => {
    const { context } = await seen(placing({ acr: 'phr', authTime: midday / 1000 - ago, at: midday + 999 }));
    expect(context['authAgeSeconds']).toBe(shown);
  });

  it.each([Number.NaN, midday / 1000 + 61, Number.MAX_SAFE_INTEGER, Number.NEGATIVE_INFINITY])(
    'no age of a sign-in at %s',
    async (authTime) => {
      expect((await seen(placing({ acr: 'phr', authTime }))).context).not.toHaveProperty('authAgeSeconds');
    },
  );

  it.each([true, false, undefined])('whether a sign-in was made for this intent: %s', async (boundToIntent) => {
    const { context } = await seen(placing({ acr: 'phrh', ...(boundToIntent === undefined ? {} : { boundToIntent }) }));
    expect(context['boundToIntent']).toBe(boundToIntent);
  });

  it.each([
    ['one that anybody of the firm may use', 'device:desk-7', true],
    ['their own', 'device:of-own', true],
    ['a colleague’s', 'device:of-clerk', false],
    ['another firm’s', 'device:elsewhere', false],
    ['one that nobody knows', 'device:unheard-of', false],
  ])('of devices %s', async (_, device, shown) => {
    const { context } = await seen(placing({ device }));
    if (shown) expect(context).toMatchObject({ device: entity('Device', device), signals: [] });
    else {
      expect(context).not.toHaveProperty('device');
      // An unknown device is not ignored: it is no better than one that is known to fail.
      expect(context['signals']).toEqual(['device-unknown']);
    }
  });

  it('each of their own signals once, beside those reported', async () => {
    const signalsOf = async (...signals: readonly string[]) =>
      (await seen(placing({ claimedDevice: 'device:unheard-of', claimedSignals: signals }))).context['claimedSignals'];
    expect(await signalsOf('new-address')).toEqual(['new-address', 'device-unknown']);
    expect(await signalsOf('device-unknown')).toEqual(['device-unknown']);
  });

  it('the artefact named in the intent, whatever the caller says beside it', async () => {
    const said = { modelId: 'other', version: '9', artifactSha256: 'f'.repeat(64) };
    const of = async (facts: ReturnType<typeof transactionOf>) =>
      (await seen(stepQuestion('order:create', facts, { algo: said }))).context;
    expect((await of(transactionOf('trade_order')))['algo']).toEqual({
      artifactSha256: 'ab'.repeat(32),
      certId: 'CERT-7',
      modelId: 'vwap',
      version: '3.2.1',
    });
    expect(await of(transactionOf('trade_order', { drop: ['algo'] }))).not.toHaveProperty('algo');
  });

  it('who vouches for the person, and with what claims', async () => {
    const { context } = await seen(placing({ partner: { institution: stranger, claims: ['sub', 'acr'] } }));
    expect(context['partner']).toEqual({ institution: entity('Institution', stranger), claims: ['sub', 'acr'] });
  });
});

describe('of compliance findings the policies see the worst', () => {
  const gatesWith = async (ofStranger: Partial<Institution> | undefined, input = placing()) => {
    const others = market.institutions.filter(({ lei }) => lei !== stranger);
    const institutions = ofStranger === undefined ? others : [...others, institution(stranger, ofStranger)];
    return (await seen(input, directoryOf({ institutions }))).context.gates;
  };
  const withStranger = stepQuestion(
    'order:create',
    transactionOf('trade_order', { drop: ['algo'], set: { parties: [{ role: 'ExecutingBroker', lei: stranger }] } }),
  );

  it('of nobody when everything is in order', async () => {
    expect(await gatesWith({}, withStranger)).toEqual({
      amlRisk: 'low',
      amlWorst: own,
      countries: [entity('Jurisdiction', 'DE')],
      kycFailing: '',
      kycCurrent: true,
      leiFailing: '',
      leisActive: true,
      sanctionsClear: true,
      sanctionsFailing: '',
      sanctionsOldest: datetime('2026-11-20T05:00:00.000Z'),
      sanctionsOldestOf: own,
    });
  });

  it.each<[string, Partial<Institution>['compliance'], object]>([
    [
      'a review that is over',
      { ...inOrder, kyc: { status: 'approved', validUntil: '2026-11-19' } },
      { kycCurrent: false, kycFailing: stranger },
    ],
    [
      'a review that ends today',
      { ...inOrder, kyc: { status: 'approved', validUntil: '2026-11-20' } },
      { kycCurrent: true, kycFailing: '' },
    ],
    [
      'a review that is pending',
      { ...inOrder, kyc: { status: 'pending', validUntil: '2027-11-20' } },
      { kycCurrent: false, kycFailing: stranger },
    ],
    [
      'a review until a day that does not exist',
      { ...inOrder, kyc: { status: 'approved', validUntil: '2027-02-30' } },
      { kycCurrent: false, kycFailing: stranger },
    ],
    ['a high risk', { ...inOrder, amlRisk: 'high' }, { amlRisk: 'high', amlWorst: stranger }],
    [
      'a hit on a sanctions list',
      { ...inOrder, sanctions: { result: 'match', screenedAt: '2026-11-20T11:00:00Z' } },
      { sanctionsClear: false, sanctionsFailing: stranger, sanctionsOldestOf: own },
    ],
    [
      'an old screening, written in another zone',
      { ...inOrder, sanctions: { result: 'clear', screenedAt: '2026-11-19T23:00:00+02:00' } },
      { sanctionsOldest: datetime('2026-11-19T21:00:00.000Z'), sanctionsOldestOf: stranger },
    ],
  ])('for %s of a party', async (_, compliance, expected) => {
    expect(await gatesWith({ ...(compliance === undefined ? {} : { compliance }) }, withStranger)).toMatchObject(
      expected,
    );
  });

  it('for the represented institutions', async () => {
    const forOthers = stepQuestion(
      'order:create',
      transactionOf('trade_order', {
        drop: ['algo'],
        set: { entity_lei: stranger, account: `${stranger}-1`, parties: [{ role: 'ExecutingBroker', lei: clearer }] },
      }),
    );
    const institutions = [
      ...market.institutions.filter(({ lei }) => lei !== own),
      institution(own, { compliance: { ...inOrder, sanctions: { ...inOrder.sanctions, result: 'match' } } }),
    ];
    expect((await seen(forOthers, directoryOf({ institutions }))).context.gates).toMatchObject({
      sanctionsClear: false,
      sanctionsFailing: own,
    });
  });

  it('for the receiver of what moves, even when only the registry knows the receiver', async () => {
    const bad = { compliance: { ...inOrder, sanctions: { ...inOrder.sanctions, result: 'match' as const } } };
    const withdrawal = (receivers: readonly string[]) =>
      stepQuestion('withdrawal:request', transactionOf('withdrawal', { receivers }));
    expect(await gatesWith(bad, withdrawal([stranger]))).toMatchObject({
      sanctionsClear: false,
      sanctionsFailing: stranger,
    });
    expect(await gatesWith(bad, withdrawal([]))).toMatchObject({ sanctionsClear: true });
    const collateral = transactionOf('collateral_transfer', { receivers: [stranger] });
    expect(await gatesWith(bad, stepQuestion('collateral:transfer', collateral))).toMatchObject({
      sanctionsClear: false,
    });
  });

  it('for the clients of an allocation, and for accounts that nobody registered', async () => {
    const allocatedTo = (...accounts: readonly string[]) =>
      stepQuestion(
        'allocation:propose',
        transactionOf('allocation', { set: { lines: accounts.map((account) => ({ account, qty: '1' })) } }),
      );
    const bad = { compliance: { ...inOrder, amlRisk: 'prohibited' as const } };
    expect(await gatesWith(bad, allocatedTo(`${own}-1`, `${stranger}-1`))).toMatchObject({
      amlRisk: 'prohibited',
      amlWorst: stranger,
    });
    expect(await gatesWith(bad, allocatedTo(`${own}-1`))).toMatchObject({ amlRisk: 'low' });
    expect(await gatesWith({}, allocatedTo(`${own}-1`, 'NOBODYS'))).toMatchObject({
      amlRisk: 'unknown',
      amlWorst: 'NOBODYS',
      kycCurrent: false,
      sanctionsClear: false,
    });
  });

  it.each([
    ['2026-11-20T12:01:00.000Z', '2026-11-20T05:00:00.000Z', own],
    ['2026-11-20T12:01:00.001Z', '1970-01-01T00:00:00.000Z', stranger],
    ['2099-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', stranger],
  ])('for a screening at %s, which is in the future, as of %s', async (screenedAt, oldest, of) => {
    const compliance = { ...inOrder, sanctions: { result: 'clear' as const, screenedAt } };
    const gates = await gatesWith({ compliance }, withStranger);
    expect(gates).toMatchObject({ sanctionsOldest: datetime(oldest), sanctionsOldestOf: of });
    // Clocks may differ by a minute.
    expect(gates).toEqual(
      of === own
        ? expect.not.objectContaining({ sanctionsPostdatedOf: expect.anything() })
        : expect.objectContaining({ sanctionsPostdatedOf: stranger }),
    );
  });

  const unknown = {
    amlRisk: 'unknown',
    amlWorst: stranger,
    kycCurrent: false,
    kycFailing: stranger,
    sanctionsClear: false,
    sanctionsFailing: stranger,
    sanctionsOldest: datetime('1970-01-01T00:00:00.000Z'),
    sanctionsOldestOf: stranger,
  };
  it('for a party without findings, and for one that the directory does not have', async () => {
    const { compliance: _, ...unexamined } = institution(stranger);
    const others = market.institutions.filter(({ lei }) => lei !== stranger);
    const gatesOf = async (institutions: readonly Institution[]) =>
      (await seen(withStranger, directoryOf({ institutions }))).context.gates;
    const germany = [entity('Jurisdiction', 'DE')];
    expect(await gatesOf([...others, unexamined])).toEqual({
      ...unknown,
      ...{ countries: germany, leiFailing: '', leisActive: true },
    });
    expect(await gatesOf(others)).toEqual({ ...unknown, countries: [], leiFailing: stranger, leisActive: false });
  });

  it('for a party whose LEI has lapsed, with the place of each', async () => {
    const country = 'KP' as Institution['country'];
    expect(await gatesWith({ leiStatus: 'LAPSED', country }, withStranger)).toMatchObject({
      leisActive: false,
      leiFailing: stranger,
      countries: [entity('Jurisdiction', 'KP')],
    });
    // Of a request for quotes: every firm that is asked.
    const asked = transactionOf('rfq', { drop: ['algo'], set: { counterparties_lei: [own, stranger] } });
    expect(await gatesWith({ leiStatus: 'RETIRED' }, stepQuestion('rfq:create', asked))).toMatchObject({
      leisActive: false,
      leiFailing: stranger,
    });
  });

  it('for an interface of the asking institution, and of no other', async () => {
    const asking = (principal: string) => tokenQuestion(principal, 'https://venue.example/orders');
    const bad = { compliance: { ...inOrder, amlRisk: 'prohibited' as const } };
    expect(await gatesWith(bad, asking('person:stranger'))).toMatchObject({
      amlRisk: 'prohibited',
      amlWorst: stranger,
    });
    expect(await gatesWith(bad, asking('person:own'))).toMatchObject({ amlRisk: 'low', amlWorst: own });
  });

  it('when nobody is named', async () => {
    const gates = (await seen(tokenQuestion('person:nobody', 'https://venue.example/orders'))).context.gates;
    expect(gates).toMatchObject({ amlRisk: 'unknown', kycCurrent: false, sanctionsClear: false });
  });
});

describe('of the directory the policies see', () => {
  it('each entity as its type in the schema', async () => {
    const directory = directoryOf({
      institutions: [institution(own, { dataRegions: ['eu'] }), institution(stranger), institution(clearer as Lei)],
      venues: market.venues.map((venue) => ({ ...venue, expiryDate: '2027-01-31' })),
    });
    const { entities } = (await seen(placing({ device: 'device:of-own' }), directory)) as unknown as {
      entities: readonly (readonly [string, string, string])[];
    };
    const { rows } = await rig.scratch
      .pool('policy-engine')
      .query<{ document: string }>('select document from entity_facts where digest = any($1::text[])', [
        entities.map(([, , digest]) => digest),
      ]);
    const byType = new Map(
      rows.map(({ document }) => JSON.parse(document)).map((each) => [`${each.uid.type} ${each.uid.id}`, each]),
    );
    expect(byType.get(`Institution ${own}`)).toEqual({
      uid: { type: 'Institution', id: own },
      parents: [],
      attrs: {
        category: 'eligible-counterparty',
        country: entity('Jurisdiction', 'DE'),
        dataRegions: ['eu'],
        leiStatus: 'ISSUED',
        suitableFor: inOrder.suitableFor,
      },
    });
    expect(byType.get('Person person:own')).toEqual({
      uid: { type: 'Person', id: 'person:own' },
      parents: [
        { type: 'Desk', id: `${own}/cash` },
        { type: 'Institution', id: own },
      ],
      attrs: { desk: entity('Desk', `${own}/cash`), institution: entity('Institution', own), roles: ['trader'] },
    });
    expect(byType.get(`Desk ${own}/cash`)?.attrs).toMatchObject({
      venues: [entity('Venue', 'XNAS'), entity('Venue', 'XEUR')],
    });
    expect(byType.get(`Account ${own}-1`)).toMatchObject({
      attrs: { institution: entity('Institution', own) },
      parents: [{ id: own }],
    });
    expect(byType.get('Venue XNAS')?.attrs).toEqual({
      country: entity('Jurisdiction', 'US'),
      // From the first moment of that day.
      expires: datetime('2027-01-31T00:00:00.000Z'),
    });
  });
});
