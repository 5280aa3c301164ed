import type { Actor } from '@countersign/contracts';
import { type Lei, parseLei } from '@countersign/market';
import { pick } from '../machine-clients.ts';
import { benchmarkBond, clearedByCompliance } from '../market.ts';

/** A trading firm with its client, and the firms that execute its orders. */
export interface House {
  /** Grants the mandate and owns the account. */
  readonly client: Lei;
  readonly account: string;
  readonly arranger: Lei;
  readonly broker: Lei;
  readonly venue: Lei;
  readonly clearing: Lei;
  readonly custodian: Lei;
  readonly traders: readonly string[];
}

const counts = { houses: 25, desksAHouse: 4, tradersADesk: 5, ofTheStreet: 5 } as const;
/** Firms that only give mandates on, down a line. */
const holders = 48;

export const venueNames = ['XEUR', 'XETR', 'XPAR', 'XLON'] as const;

/** As many houses as a market has, each with twenty people who trade. */
export const houses: readonly House[] = Array.from({ length: counts.houses }, (_, index) => ({
  client: leiOf('CLIENT', index),
  account: `CLIENT-${index}`,
  arranger: leiOf('ARRANG', index),
  broker: leiOf('BROKER', index % counts.ofTheStreet),
  venue: leiOf('VENUE', 0),
  clearing: leiOf('CLEAR', index % counts.ofTheStreet),
  custodian: leiOf('CUSTOD', (index * 3) % counts.ofTheStreet),
  traders: Array.from(
    { length: counts.desksAHouse * counts.tradersADesk },
    (_unused, seat) => `person:trader-${index}-${seat}`,
  ),
}));

/** A firm in a line of mandates, each of which is cut from the one above. */
export const holder = (index: number): Lei => leiOf('HOLDER', index % holders);

export function signatory(of: string): Actor {
  return { id: `service:signs-${of.toLowerCase()}`, institution: of };
}

export function reporter(of: Lei): Actor & { readonly client: string } {
  return { id: `service:reports-${of.toLowerCase()}`, institution: of, client: `reports-${of.toLowerCase()}` };
}

export function tradingDirectory(): unknown {
  const street = houses.flatMap(({ broker, venue, clearing, custodian }) => [broker, venue, clearing, custodian]);
  const owners = houses.flatMap(({ client, arranger }) => [client, arranger]);
  const institutions = [...new Set([...owners, ...street, ...Array.from({ length: holders }, (_, n) => holder(n))])];
  return {
    institutions: institutions.map((lei) => ({
      lei,
      name: `Firm ${lei}`,
      country: 'DE',
      compliance: clearedByCompliance(['D', 'E']),
    })),
    desks: houses.flatMap(({ arranger }) =>
      Array.from({ length: counts.desksAHouse }, (_, desk) => ({
        institution: arranger,
        name: `desk-${desk}`,
        products: ['D', 'E'],
        venues: [...venueNames],
        jurisdictions: ['DE'],
        hours: { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
      })),
    ),
    people: houses.flatMap(({ arranger, traders }) =>
      traders.map((id, seat) => ({
        id,
        institution: arranger,
        desk: `desk-${Math.floor(seat / counts.tradersADesk)}`,
        roles: ['trader'],
        federated: [],
        credentials: [],
      })),
    ),
    services: institutions.flatMap((lei) => [
      {
        ...{ id: signatory(lei).id, institution: lei, roles: ['signatory'] },
        signing_authority: { up_to: { amount: '100000000000', ccy: 'EUR' }, alone: true },
      },
      { id: reporter(lei).id, institution: lei, roles: [] },
    ]),
    agents: [],
    clients: [],
    accounts: houses.map(({ account, client }) => ({ id: account, institution: client, type: 'House' })),
    instruments: [benchmarkBond(venueNames)],
    venues: venueNames.map((mic) => ({ mic, operator: pick(houses, 0).venue, country: 'DE' })),
    resources: [],
  };
}

/** Tries check digits until the LEI is valid (ISO 17442). */
function leiOf(kind: string, index: number): Lei {
  const first18 = `5299${kind}${String(index).padStart(14 - kind.length, '0')}`;
  for (let digits = 2; digits <= 98; digits++) {
    const lei = parseLei(`${first18}${String(digits).padStart(2, '0')}`);
    if (lei.ok) return lei.value;
  }
  throw new Error(`no LEI begins with ${first18}`);
}
