import { performed } from '../in-process-work.ts';
import { type Contender, figure, measureInTurn, type Result, roundOf } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { cpu, inMs, latency, rate, section, verdict } from '../table.ts';
import type { Trading } from '../trading/grown-trading.ts';
import { type OpenOrder, orderSteps } from '../trading/orders.ts';
import type { SuiteOptions } from './suite.ts';

export interface ReconstructionResults {
  readonly name: string;
  readonly results: readonly Result[];
}

/** Settled orders that a site needs: an export adds to the evidence of an order, so each is exported once. */
export function ordersToReconstruct({ reconstruction: { rounds, ordersARound } }: Pace): number {
  return 2 * (rounds + 1) * ordersARound;
}

/**
 * The whole chain of authority of one settled order in one call: its records, its mandates and policies, each with a proof.
 * Measured for orders whose records have not been read before, and for orders whose records have just been read.
 */
export async function measureReconstruction(
  options: SuiteOptions & { readonly sites: readonly Trading[] },
): Promise<readonly ReconstructionResults[]> {
  const { sites, pace } = options;
  const { rounds, ordersARound } = pace.reconstruction;
  const contenders = sites.map((site) => contendersFor(site, ordersARound));
  const turns = { rounds, seconds: 0 };
  const results = await measureInTurn(contenders.flat(), turns, about('reconstruction', options.onProgress));
  let taken = 0;
  return sites.map(({ name }, place) => {
    const from = taken;
    taken += contenders[place]?.length ?? 0;
    return { name, results: results.slice(from, taken) };
  });
}

function contendersFor({ site: { auditLog }, settled }: Trading, ordersARound: number): readonly Contender[] {
  // Scattered: the next order is far from the last one.
  const orders = settled.filter((_, index) => index % 7 === 0).concat(settled.filter((_, index) => index % 7 !== 0));
  let asked = 0;
  const unread = (): readonly OpenOrder[] => {
    const next = orders.slice(asked, asked + ordersARound);
    asked += ordersARound;
    if (next.length < ordersARound) throw new Error('there are not enough orders to ask about');
    return next;
  };
  let justRead: readonly OpenOrder[] = [];

  const exported = async ({ id }: OpenOrder): Promise<void> => {
    const { records } = await auditLog.exportBundle({ transaction: id, requester: { id: 'service:benchmark' } });
    // The opening, each step, proposal and acceptance of two mandates, the policies, and the record of the export.
    if (records.length < 1 + orderSteps.length + 4 + 1 + 1) throw new Error(`the chain of ${id} is not whole`);
  };
  const read = async ({ id }: OpenOrder): Promise<void> => {
    const records = await auditLog.search({ transaction: id });
    // The opening, the initiator's token, and each step.
    if (records.length !== 2 + orderSteps.length) throw new Error(`${id} has lost records`);
  };
  return [
    contender('whole chain with proofs, not read before', unread, exported),
    contender(
      'records of the transaction alone, not read before',
      () => {
        justRead = unread();
        return justRead;
      },
      read,
    ),
    contender('whole chain with proofs, records just read', () => justRead, exported),
  ];
}

function contender(
  name: string,
  orders: () => readonly OpenOrder[],
  ask: (order: OpenOrder) => Promise<void>,
): Contender {
  const round = async () => roundOf(await performed(1, orders(), ask));
  return { name, warmUp: round, round };
}

/** One transaction's chain of authority among a million. */
export function reconstructionSections(
  measured: readonly ReconstructionResults[],
  { reconstruction: { rounds } }: Pace,
): readonly string[] {
  return measured.map(({ name, results }) => {
    const columns = [rate('a second'), ...latency, ...cpu('process CPU µs')];
    return [
      section(`Reconstruction of one transaction, a lone caller; in the log: ${name}`, results, columns),
      ...results
        .slice(0, 1)
        .map((result) => verdict(`p99, ${result.name}`, figure(result, 'p99Ms'), { atMost: 50 }, rounds, inMs(1))),
    ].join('\n');
  });
}
