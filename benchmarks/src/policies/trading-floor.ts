import {
  type Account,
  type DecisionInput,
  type Desk,
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
  type Institution,
  type Instrument,
  type Person,
  type Venue,
} from '@countersign/contracts';
import { intentDigestOf, newId, systemClock, systemRandom, toInstant } from '@countersign/kernel';

/** A directory in memory, of so many entities, and orders of people who are in it. */
export interface TradingFloor {
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  /** All of them permitted by whoever asks for desk, instrument, a clear record and an ordinary size. */
  readonly orders: readonly DecisionInput[];
  /** One of an endless row of orders of the same people, in turn: of another size, in another instrument, at another venue. */
  nextOrder(): DecisionInput;
}

const peopleADesk = 20;
const desksAFirm = 5;
/** Who keeps asking: more than one, or a decision would find everything where the one before has left it. */
const traders = 500;

/** Firms with their desks, people and accounts, until there are so many entities. */
export function createTradingFloor(entities: number): TradingFloor {
  const institutions = new Map<string, Institution>();
  const desks = new Map<string, Desk>();
  const people = new Map<string, Person>();
  const accounts = new Map<string, Account>();
  const venues = new Map(venueNames.map((mic): [string, Venue] => [mic, venue(mic)]));
  const size = () => institutions.size + desks.size + people.size + accounts.size + venues.size;
  institutions.set(operator, institution(operator));
  for (let firm = 1; size() < entities; firm++) {
    const lei = leiOf(firm);
    institutions.set(lei, institution(lei));
    accounts.set(`HOUSE-${firm}`, { id: `HOUSE-${firm}` as Account['id'], institution: lei, type: 'House' });
    for (let desk = 1; desk <= desksAFirm && size() < entities; desk++) {
      const { id, name } = addDesk(desks, lei, `desk-${desk}`);
      for (let seat = 1; seat <= peopleADesk && size() < entities; seat++) addPerson(people, id, lei, name, seat);
    }
  }
  const snapshot = snapshotOf({ institutions, desks, people, accounts, venues });
  const asking = everyNth([...people.values()], traders);
  let asked = 0;
  return {
    directory: {
      snapshot: () => snapshot,
      async snapshotAtLeast(version) {
        if (version > snapshot.version) throw directoryErrors.error('directory_behind', 'This directory stands still.');
        return snapshot;
      },
    },
    orders: asking.map(orderOf),
    nextOrder() {
      const turn = asked++;
      const person = asking[turn % asking.length];
      if (person === undefined) throw new Error('nobody is here who could order');
      // By steps that have no factor in common with what is counted round.
      return orderOf(person, (turn * 7) % 1_009);
    },
  };
}

const operator = leiOf(0);
const venueNames = ['XEUR', 'XETR', 'XPAR', 'XLON'];
const screenedAt = toInstant(Date.now());

// Codes are made in the right shape here, and are the benchmark's own.
function leiOf(firm: number): Institution['lei'] {
  return `5299${String(firm).padStart(14, '0')}00` as Institution['lei'];
}

function institution(lei: Institution['lei']): Institution {
  return {
    lei,
    name: `Firm ${lei}`,
    country: 'DE' as Institution['country'],
    leiStatus: 'ISSUED',
    compliance: {
      kyc: { status: 'approved', validUntil: '2099-12-31' },
      amlRisk: 'low',
      sanctions: { result: 'clear', screenedAt },
      category: 'eligible-counterparty',
      suitableFor: ['D', 'E'],
    },
  };
}

function venue(mic: string): Venue {
  return { mic: mic as Venue['mic'], operator, country: 'DE' as Venue['country'] };
}

function addDesk(desks: Map<string, Desk>, institution: Institution['lei'], name: string): Desk {
  const desk: Desk = {
    id: `${institution}/${name}`,
    institution,
    name,
    products: ['D', 'E'],
    venues: venueNames,
    jurisdictions: ['DE', 'FR'],
    hours: { timeZone: 'Europe/Berlin', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
  };
  desks.set(desk.id, desk);
  return desk;
}

function addPerson(
  people: Map<string, Person>,
  deskId: string,
  institution: Institution['lei'],
  desk: string,
  seat: number,
): void {
  const id = `person:${deskId.replace('/', '.')}.${seat}` as Person['id'];
  people.set(id, { kind: 'person', id, institution, desk, roles: ['trader'], credentials: [] });
}

/** Every bond that is asked about. */
function benchmarkInstrument(id: string): Instrument {
  return bonds.get(id) ?? newBond(id);
}

const bonds = new Map<string, Instrument>();

function newBond(id: string): Instrument {
  const bond = {
    id,
    cfi: 'DBFTFB',
    currency: 'EUR',
    venues: venueNames,
    complex: false,
    targetMarket: ['eligible-counterparty'],
    priceMultiplier: '1',
    source: 'benchmark',
    asOf: screenedAt,
  } as unknown as Instrument;
  bonds.set(id, bond);
  return bond;
}

function snapshotOf(held: {
  readonly institutions: ReadonlyMap<string, Institution>;
  readonly desks: ReadonlyMap<string, Desk>;
  readonly people: ReadonlyMap<string, Person>;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly venues: ReadonlyMap<string, Venue>;
}): DirectorySnapshot {
  const none = () => undefined;
  return {
    version: 1,
    institution: (lei) => held.institutions.get(lei),
    principal: (id) => held.people.get(id),
    knownPrincipal: (id) => held.people.get(id),
    desk: (id) => held.desks.get(id),
    account: (id) => held.accounts.get(id),
    venue: (mic) => held.venues.get(mic),
    instrument: benchmarkInstrument,
    rate: none,
    federatedPerson: none,
    personalClaims: () => undefined,
    credential: none,
    client: none,
    resource: none,
    device: none,
    branch: none,
    contract: none,
    shortCode: none,
    recordOf: none,
    institutions: () => held.institutions.values(),
    principals: () => held.people.values(),
    accounts: () => held.accounts.values(),
    venues: () => held.venues.values(),
    resources: () => [],
    devices: () => [],
    clients: () => [],
    keyHolder: () => undefined,
  };
}

/** So many of them, from beginning to end. */
function everyNth<Item>(items: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, index) => index % step === 0).slice(0, count);
}

function orderOf({ id, institution }: Person, index: number): DecisionInput {
  return orderBy({
    principal: id,
    institution,
    account: `HOUSE-${Number(institution.slice(4, 18))}`,
    venue: venueNames[index % venueNames.length] ?? '',
    instrument: `DE000EX${String(index).padStart(5, '0')}`,
    notional: 900_000 + (index % traders),
  });
}

const ids = { clock: systemClock, random: systemRandom };

/** A person's order of an ordinary bond, as the order path puts it to the engine. */
export function orderBy(of: {
  readonly principal: string;
  readonly institution: string;
  readonly account: string;
  readonly venue: string;
  readonly instrument: string;
  /** In euro. */
  readonly notional: number;
}): DecisionInput {
  const mandate = { id: newId('mandate', ids), version: 1 };
  const id = newId('transaction', ids);
  const intent = {
    type: 'urn:countersign:rar:v1:trade_order',
    entity_lei: of.institution,
    mandate_id: mandate.id,
    idempotency_key: id,
    not_after: '2030-01-01T00:00:00Z',
    jurisdiction: 'DE',
    account: of.account,
    instrument: { isin: of.instrument, cfi: 'DBFTFB' },
    venue_mic: of.venue,
    side: 'BUY',
    max_qty: '100',
    max_notional: { amount: String(of.notional), ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [],
    client_order_id: id,
  };
  return {
    principal: of.principal,
    action: 'order:create',
    resource: {
      type: 'transaction',
      facts: {
        id,
        state: 'intended',
        version: 0,
        intentType: intent.type,
        intent,
        intentDigest: intentDigestOf(intent),
        initiator: of.principal,
        initiatorInstitution: of.institution,
        mandate,
        approvals: [],
      },
    },
    context: {
      client: 'bench',
      institution: of.institution,
      at: Date.now(),
      scopes: ['order:create'],
      audience: 'https://venue.example',
      mandateInForce: true,
      acr: 'phr',
      authTime: Math.floor(Date.now() / 1000) - 60,
    },
  };
}
