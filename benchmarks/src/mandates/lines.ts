import type { ConsentStore, Mandate, MandateProposal } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import { mandateConstraints } from '../order-terms.ts';
import { holder, houses, venueNames } from '../trading/firms.ts';
import { given } from '../trading/orders.ts';

/** Lengths of the lines that are asked about: so many mandates from the one named up to its root. */
export const lineLengths = [1, 3, 8] as const;
/** The lines of a group, in the order in which they are given: most mandates are cut from no other. */
const group: readonly number[] = [...Array.from({ length: 9 }, () => 1), 3, 8];
export const mandatesAGroup = total(group);

/** Constraints of a line, from few and short to many and long. */
const kinds: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { accounts: Array.from({ length: 40 }, (_, index) => `CLIENT-${index}`) },
  { hours: { timeZone: 'Europe/Berlin', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '24:00' } },
  {
    counterparties: [
      ...new Set(houses.flatMap(({ broker, venue, clearing, custodian }) => [broker, venue, clearing, custodian])),
    ],
    limits: [{ measure: 'notional', windowSeconds: 3600, ccy: 'EUR', max: '50000000' }],
  },
  { quantityPerOrder: '1000000', jurisdictions: ['AT', 'BE', 'DE', 'FR', 'IT', 'NL', 'PL'] },
];

/** A group of each kind of constraints, as the store keeps them: made by its own steps. */
export async function giveLines(consentStore: ConsentStore): Promise<readonly Mandate[]> {
  const mandates: Mandate[] = [];
  for (const [kind, further] of kinds.entries())
    for (const length of group) mandates.push(...(await giveLine(consentStore, length, kind, further)));
  return mandates;
}

/** From the root down, so that each is cut from the one before it. */
async function giveLine(
  consentStore: ConsentStore,
  length: number,
  kind: number,
  further: Readonly<Record<string, unknown>>,
): Promise<readonly Mandate[]> {
  const line: Mandate[] = [];
  for (let place = 0; place < length; place++) {
    const above = line.at(-1);
    const parties: Pick<MandateProposal, 'grantor' | 'grantee'> = {
      grantor: { lei: holderOf(kind, place), role: place === 0 ? 'Client' : 'ExecutingBroker' },
      grantee: { lei: holderOf(kind, place + 1), role: 'ExecutingBroker' },
    };
    line.push(
      await given(consentStore, parties, {
        constraints: { ...mandateConstraints, venues: venueNames, ...further, delegationDepth: length - place - 1 },
        ...(above === undefined ? {} : { parent: above.id }),
      }),
    );
  }
  return line;
}

/** Who holds the mandate so deep in a line of the group numbered so; at depth 0, whose authority all of it is. */
export function holderOf(groupNumber: number, depth: number): Lei {
  return holder((groupNumber % kinds.length) * 9 + depth);
}

/** Place of the lowest mandate of the first line of this length, in the order in which a group was given. */
export function lowestOf(length: number): number {
  return total(group.slice(0, group.indexOf(length) + 1)) - 1;
}

function total(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}
