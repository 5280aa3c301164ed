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
import { pick } from '../machine-clients.ts';
import { orderTerms } from '../order-terms.ts';

/** A directory in memory with this many entities, and orders of people in it, all of which are permitted. */
export interface TradingFloor {
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly orders: readonly DecisionInput[];
  /** Further orders of the same people in turn, with other sizes, instruments and venues. */
  nextOrder(): DecisionInput;
}

const peopleADesk = 20;
const desksAFirm = 5;
/** Several, because a decision about the same trader would find everything in caches. */
const traders = 500;

/** Adds firms with desks, people and accounts until there are this many entities. */
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
    for (let number = 1; number <= desksAFirm && size() < entities; number++) {
      const desk = deskOf(lei, `desk-${number}`);
      desks.set(desk.id, desk);
      for (let seat = 1; seat <= peopleADesk && size() < entities; seat++) {
        const person = personAt(desk, seat);
        people.set(person.id, person);
      }
    }
  }
  const snapshot = snapshotOf({ institutions, desks, people, accounts, venues });
  const step = Math.max(1, Math.floor(people.size / traders));
  const asking = [...people.values()].filter((_, index) => index % step === 0).slice(0, traders);
  let asked = 0;
  return {
    directory: {
      snapshot: () => snapshot,
      async snapshotAtLeast(version) {
        if (version > snapshot.version)
          throw directoryErrors.error('directory_behind', 'The directory of the benchmark does not change.');
        return snapshot;
      },
    },
    orders: asking.map(orderOf),
    nextOrder() {
      const turn = asked++;
      // The steps have no common factor with the number of traders.
      return orderOf(pick(asking, turn), (turn * 7) % 1_009);
    },
  };
}

const operator = leiOf(0);
const venueNames = ['XEUR', 'XETR', 'XPAR', 'XLON'];
const screenedAt = toInstant(Date.now());

// The codes have the right form and are used only here.
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

function deskOf(institution: Institution['lei'], name: string): Desk {
  return {
    ...{ id: `${institution}/${name}`, institution, name },
    ...{ products: ['D', 'E'], venues: venueNames, jurisdictions: ['DE', 'FR'] },
    hours: { timeZone: 'Europe/Berlin', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
  };
}

function personAt({ institution, name: desk }: Desk, seat: number): Person {
  const id = `person:${institution}.${desk}.${seat}` as Person['id'];
  return { kind: 'person', id, institution, desk, roles: ['trader'], credentials: [] };
}

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

function snapshotOf(
  held: Readonly<{
    institutions: ReadonlyMap<string, Institution>;
    desks: ReadonlyMap<string, Desk>;
    people: ReadonlyMap<string, Person>;
    accounts: ReadonlyMap<string, Account>;
    venues: ReadonlyMap<string, Venue>;
  }>,
): DirectorySnapshot {
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

const ids = { clock: systemClock, random: systemRandom };

/** A person's order of an ordinary bond, as the transaction registry presents it to the engine. */
function orderOf({ id: principal, institution }: Person, index: number): DecisionInput {
  const mandate = { id: newId('mandate', ids), version: 1 };
  const id = newId('transaction', ids);
  const firm = Number(institution.slice(4, 18));
  const intent = {
    ...orderTerms({
      ...{ entity: institution, mandate: mandate.id, account: `HOUSE-${firm}`, venueMic: pick(venueNames, index) },
      ...{ locations: [], parties: { broker: operator, venue: operator, clearing: operator, custodian: operator } },
    }),
    instrument: { isin: `DE000EX${String(index).padStart(5, '0')}`, cfi: 'DBFTFB' },
    max_notional: { amount: String(900_000 + (index % traders)), ccy: 'EUR' },
  };
  const facts = { id, state: 'intended', version: 0, intentType: intent.type, intent, approvals: [] } as const;
  const initiator = { initiator: principal, initiatorInstitution: institution };
  return {
    principal,
    action: 'order:create',
    resource: {
      type: 'transaction',
      facts: { ...facts, ...initiator, intentDigest: intentDigestOf(intent), mandate },
    },
    context: {
      client: 'bench',
      institution,
      at: Date.now(),
      scopes: ['order:create'],
      audience: 'https://venue.example',
      mandateInForce: true,
      acr: 'phr',
      authTime: Math.floor(Date.now() / 1000) - 60,
    },
  };
}
