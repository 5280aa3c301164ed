import type {
  Account,
  Agent,
  DecisionInput,
  Desk,
  Device,
  DirectorySnapshot,
  Institution,
  InstitutionCompliance,
  Instrument,
  Person,
  Principal,
  PrincipalId,
  Rate,
  Resource,
  Service,
  TransactionFacts,
  Venue,
} from '@countersign/contracts';
import type { DecimalString, Digest, RecordId, TransactionId } from '@countersign/kernel';
import type { Cfi, Country, Currency, Lei, Mic } from '@countersign/market';
import { broker, clearer, examples, firm } from '../../../../protocols/market/src/testing/example-details.ts';

/** A Friday, within the desk's hours. */
export const midday = Date.parse('2026-11-20T12:00:00Z');

/** The firm whose people ask, an unrelated firm, and a firm that has lost all authority. */
export const own = broker as Lei;
export const stranger = firm as Lei;
export const lapsed = '529900ASSETMNGRDEM02' as Lei;
/** The operator of the installation; it is not a party to anything. */
export const operator = '5493000ARRANGERDEM94' as Lei;

/** All findings present and in order on the morning of {@link midday}. */
export const inOrder: InstitutionCompliance = {
  kyc: { status: 'approved', validUntil: '2027-06-30' },
  amlRisk: 'low',
  sanctions: { result: 'clear', screenedAt: '2026-11-20T05:00:00Z' },
  category: 'eligible-counterparty',
  suitableFor: ['C', 'D', 'E', 'F', 'H', 'J', 'O', 'R', 'S'],
};

export function institution(lei: Lei, changes: Partial<Institution> = {}): Institution {
  return { lei, name: lei, country: 'DE' as Country, leiStatus: 'ISSUED', compliance: inOrder, ...changes };
}

export function person(name: string, of: Lei, changes: Partial<Person> = {}): Person {
  return {
    kind: 'person',
    id: `person:${name}` as PrincipalId,
    institution: of,
    desk: 'cash',
    roles: ['trader'],
    credentials: [],
    ...changes,
  };
}

const service = (name: string, of: Lei): Service => ({
  kind: 'service',
  id: `service:${name}` as PrincipalId,
  institution: of,
  roles: [],
});

/** Certified for the algorithm that the example orders name. */
export const agent: Agent = {
  kind: 'agent',
  id: 'agent:vwap' as PrincipalId,
  institution: own,
  desk: 'cash',
  roles: [],
  model: {
    modelId: examples.trade_order.algo.model_id,
    version: examples.trade_order.algo.version,
    artifactSha256: examples.trade_order.algo.artifact_sha256,
    certificateId: 'CERT-7',
    status: 'Approved',
    certifiedBy: 'person:certifier' as PrincipalId,
    developedBy: 'person:developer' as PrincipalId,
  },
};

const deskOf = (lei: Lei): Desk => ({
  id: `${lei}/cash`,
  institution: lei,
  name: 'cash',
  products: ['C', 'D', 'E', 'F', 'S'],
  venues: ['XNAS', 'XEUR'],
  jurisdictions: ['DE', 'US'],
  hours: { timeZone: 'Europe/Berlin', opens: '08:00', closes: '18:00', days: [1, 2, 3, 4, 5] },
});

const device = (name: string, changes: Partial<Device> = {}): Device => ({
  id: `device:${name}`,
  institution: own,
  posture: 'compliant',
  postureAt: '2026-11-20T06:00:00Z',
  ...changes,
});

const accountOf = (lei: Lei) => `${lei}-1` as Account['id'];

/** An instrument traded on XNAS in each of these currencies. */
export const shareIn = {
  USD: 'US0378331005',
  EUR: 'DE0007164600',
  JPY: 'JP3633400001',
  SEK: 'SE0000108656',
  KWD: 'KW0EQ0100010',
  CHF: 'CH0038863350',
} as const;

/** Members of a market order with this notional, for {@link transactionOf}; drop its `limit_price`. */
export function worth(amount: string, ccy: keyof typeof shareIn = 'EUR') {
  return { instrument: { isin: shareIn[ccy], cfi: 'ESVUFR' }, max_notional: { amount, ccy } };
}

export function instrument(
  id: string,
  cfi: string,
  currency: string,
  venues: readonly string[],
  changes: Partial<Instrument> = {},
): Instrument {
  return {
    id,
    cfi: cfi as Cfi,
    currency: currency as Currency,
    venues: venues as readonly Mic[],
    complex: false,
    targetMarket: ['retail', 'professional', 'eligible-counterparty'],
    priceMultiplier: '1' as DecimalString,
    source: 'test',
    asOf: '2026-11-20T05:00:00Z',
    ...changes,
  };
}

/** A rate to EUR, fixed in the morning. */
export function rate(currency: string, worth: string, changes: Partial<Rate> = {}): Rate {
  return {
    id: `${currency}/EUR`,
    currency: currency as Currency,
    base: 'EUR' as Currency,
    rate: worth as DecimalString,
    anchor: worth as DecimalString,
    source: 'test',
    asOf: '2026-11-20T05:00:00Z',
    ...changes,
  };
}

/** The contents of the directory double; every member may be replaced. */
export interface Market {
  readonly version: number;
  readonly institutions: readonly Institution[];
  readonly desks: readonly Desk[];
  readonly principals: readonly Principal[];
  readonly devices: readonly Device[];
  readonly accounts: readonly Account[];
  readonly venues: readonly Venue[];
  readonly instruments: readonly Instrument[];
  readonly rates: readonly Rate[];
  readonly resources: readonly Resource[];
}

export const market: Market = {
  version: 1,
  institutions: [
    institution(own),
    institution(stranger),
    institution(clearer as Lei),
    institution(operator),
    institution(lapsed, { leiStatus: 'LAPSED' }),
  ],
  desks: [own, stranger, lapsed].map(deskOf),
  principals: [
    person('own', own),
    person('clerk', own, { roles: ['clerk'] }),
    person('stranger', stranger),
    person('lapsed', lapsed),
    service('own', own),
    service('stranger', stranger),
    agent,
    { ...agent, id: 'agent:draft' as PrincipalId, model: { ...agent.model, status: 'Draft' } },
  ],
  devices: [
    device('desk-7'),
    device('of-own', { holder: 'person:own' as PrincipalId }),
    device('of-clerk', { holder: 'person:clerk' as PrincipalId }),
    device('failing', { posture: 'failing' }),
    device('elsewhere', { institution: stranger }),
  ],
  accounts: [
    ...[own, stranger, lapsed].map((lei) => ({ id: accountOf(lei), institution: lei, type: 'House' as const })),
    ...examples.allocation.lines.map(({ account }) => ({
      id: account as Account['id'],
      institution: own,
      type: 'Client' as const,
    })),
  ],
  venues: [
    { mic: 'XNAS' as Mic, operator: stranger, country: 'US' as Country },
    { mic: 'XEUR' as Mic, operator: stranger, country: 'DE' as Country },
  ],
  instruments: [
    ...Object.entries(shareIn).map(([currency, isin]) => instrument(isin, 'ESVUFR', currency, ['XNAS'])),
    instrument('QZRBG6ZTKS42', 'SRCCSP', 'USD', ['XNAS']),
  ],
  rates: [rate('USD', '0.9'), rate('JPY', '0.0061'), rate('SEK', '0.09'), rate('KWD', '3')],
  resources: [
    { uri: 'https://venue.example/orders' as Resource['uri'], institution: stranger, scopes: [], tokenFormat: 'jwt' },
    { uri: 'https://oms.example/orders' as Resource['uri'], institution: own, scopes: [], tokenFormat: 'jwt' },
    { uri: 'https://wallet.example/withdrawals' as Resource['uri'], institution: own, scopes: [], tokenFormat: 'jwt' },
    {
      uri: 'https://control.example/userinfo' as Resource['uri'],
      institution: operator,
      scopes: [],
      tokenFormat: 'jwt',
    },
  ],
};

export function directoryOf(changes: Partial<Market> = {}): DirectorySnapshot {
  const here = { ...market, ...changes };
  const by = <Item>(items: readonly Item[], idOf: (item: Item) => string) => {
    const map = new Map(items.map((item) => [idOf(item), item]));
    return (id: string) => map.get(id);
  };
  return {
    version: here.version,
    institution: by(here.institutions, ({ lei }) => lei),
    principal: by(here.principals, ({ id }) => id),
    knownPrincipal: by(here.principals, ({ id }) => id),
    federatedPerson: () => undefined,
    personalClaims: () => undefined,
    credential: () => undefined,
    recordOf: () => undefined,
    client: () => undefined,
    account: by(here.accounts, ({ id }) => id),
    venue: by(here.venues, ({ mic }) => mic),
    instrument: by(here.instruments, ({ id }) => id),
    rate: by(here.rates, ({ id }) => id),
    resource: by(here.resources, ({ uri }) => uri),
    desk: by(here.desks, ({ id }) => id),
    device: by(here.devices, ({ id }) => id),
    branch: () => undefined,
    contract: () => undefined,
    shortCode: () => undefined,
    institutions: () => here.institutions,
    principals: () => here.principals,
    accounts: () => here.accounts,
    venues: () => here.venues,
    resources: () => here.resources,
    devices: () => here.devices,
    clients: () => [],
    keyHolder: () => undefined,
  };
}

/** A small market: four firms and their people, services and agents. */
export const desk: DirectorySnapshot = directoryOf();

export type TypeName = keyof typeof examples;
export const typeNames = Object.keys(examples) as readonly TypeName[];
/** The types that have a notional and an instrument, and may name an algorithm. */
export const dealing: readonly TypeName[] = ['trade_order', 'rfq'];

/** A transaction of a type as the registry reports it: without `actions` and `locations`. */
export function transactionOf(
  name: TypeName,
  {
    drop = [],
    set = {},
    entity = own,
    ...facts
  }: {
    drop?: readonly string[];
    /** Replacements for members of the example intent. */
    set?: TransactionFacts['intent'];
    entity?: Lei;
  } & Partial<Omit<TransactionFacts, 'intent' | 'intentType'>> = {},
): TransactionFacts {
  const left = ['actions', 'locations', ...drop];
  const { type } = examples[name];
  const kept = Object.fromEntries(Object.entries(examples[name]).filter(([field]) => !left.includes(field)));
  return {
    id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId,
    state: 'intended',
    version: 0,
    intentType: type,
    intent: {
      ...kept,
      ...('account' in kept ? { account: accountOf(entity) } : {}),
      // Nobody asks themselves for a quote.
      ...('counterparties_lei' in kept
        ? { counterparties_lei: [stranger, clearer].filter((lei) => lei !== entity) }
        : {}),
      ...(drop.includes('entity_lei') ? {} : { entity_lei: entity }),
      ...set,
    },
    intentDigest: 'x'.repeat(43) as Digest,
    initiator: 'person:own',
    initiatorInstitution: own,
    mandate: { id: examples[name].mandate_id, version: 1 },
    approvals: [],
    destinationKnown: true,
    tradeKnown: true,
    ...(name === 'allocation' ? { tradedInstrument: shareIn.USD } : {}),
    ...(name === 'collateral_transfer' ? { agreementKnown: true } : {}),
    permitted: { record: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c2' as RecordId, at: midday, reached: [] },
    ...facts,
  };
}

/** The token endpoint's question about a transaction, or about an interface when `about` is an address. */
export function tokenQuestion(
  principal: string,
  about: TransactionFacts | string,
  context: Partial<DecisionInput['context']> = {},
): DecisionInput {
  const intent = typeof about !== 'string';
  return {
    principal,
    action: 'token:issue',
    resource: intent ? { type: 'transaction', facts: about } : { type: 'resource', uri: about },
    context: {
      client: 'trading-desk',
      institution: own,
      audience: 'https://venue.example/orders',
      at: midday,
      scopes: [],
      mandateInForce: intent,
      // The sign-in was a minute ago, unless the test says when.
      ...(context.acr === undefined ? {} : { authTime: Math.floor(midday / 1000) - 60 }),
      ...context,
    },
  };
}

/** The registry's question about a step of a transaction. */
export function stepQuestion(
  action: string,
  facts: TransactionFacts,
  { principal = facts.initiator, ...context }: Partial<DecisionInput['context']> & { principal?: string } = {},
): DecisionInput {
  return { ...tokenQuestion(principal, facts, { scopes: [action], ...context }), action };
}
