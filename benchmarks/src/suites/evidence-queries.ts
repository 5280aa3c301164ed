import type { EvidenceQuery } from '@countersign/contracts';
import { buildGraph } from '@countersign/evidence';
import type { EvidenceSite } from '../evidence/evidence-site.ts';
import { type FilledOrder, orderAt, ordersIn } from '../evidence/filled-market.ts';
import { repeated } from '../in-process-work.ts';
import { figure, measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { bySize, inMs, verdict } from '../table.ts';
import type { SuiteOptions } from './suite.ts';

/** The results of one question for each log. */
export interface QueryResults {
  readonly name: string;
  readonly results: readonly Result[];
}

const pageOf = 100;
const dayMs = 86_400_000;

/**
 * Questions of a single caller to logs of different sizes, each about another order: its chain of authority, the graph,
 * the evidence with proofs, and queries by the index of terms. Every answer must be complete.
 */
export async function measureEvidenceQueries(
  options: SuiteOptions & { readonly sites: readonly EvidenceSite[] },
): Promise<readonly QueryResults[]> {
  const { sites, pace, onProgress } = options;
  const all: QueryResults[] = [];
  for (const { name, ask } of questions) {
    const contenders = sites.map((site) => {
      let number = 0;
      return repeated({
        name: site.name,
        callers: 1,
        work: () => ask(site, orderFor(site, number++)),
        warmUpSeconds: pace.warmUpSeconds,
      });
    });
    const turns = { rounds: pace.evidence.rounds, seconds: pace.evidence.seconds };
    const results = await measureInTurn(contenders, turns, about(name, onProgress));
    all.push({ name, results });
  }
  return all;
}

/** Orders scattered over the whole log. */
function orderFor({ market }: EvidenceSite, number: number): FilledOrder {
  return orderAt(market, (number * 7_919 + 17) % ordersIn(market));
}

const questions: readonly {
  readonly name: string;
  readonly ask: (site: EvidenceSite, order: FilledOrder) => Promise<void>;
}[] = [
  {
    name: "a transaction's chain of authority",
    async ask({ auditLog }, { transaction, chain }) {
      atLeast(chain, (await auditLog.collect(transaction)).length);
    },
  },
  {
    name: 'the same, and its graph',
    async ask({ auditLog }, { transaction, chain }) {
      const { nodes, edges } = buildGraph(transaction, await auditLog.collect(transaction));
      atLeast(chain, Math.min(nodes.length, edges.length));
    },
  },
  {
    name: 'the same with proofs, as a bundle, recorded',
    async ask({ auditLog }, { transaction, chain }) {
      const { records } = await auditLog.exportBundle({ transaction, requester: { id: 'service:benchmark' } });
      atLeast(chain + 1, records.length);
    },
  },
  query(
    'by transaction',
    ({ transaction }) => ({ transaction }),
    ({ records }) => records,
  ),
  query(`by person, ${pageOf} records`, ({ person }) => ({ person, limit: pageOf })),
  query(`by mandate, ${pageOf} records`, ({ mandate }) => ({ mandate, limit: pageOf })),
  query('by person and mandate, first of them', ({ person, mandate }) => ({ person, mandate, limit: 1 })),
  query(
    'by person, within the last day',
    ({ person }) => ({ person, from: Date.now() - dayMs }),
    () => 0,
  ),
];

function query(
  name: string,
  asked: (order: FilledOrder) => EvidenceQuery,
  found: (order: FilledOrder) => number = () => 1,
) {
  return {
    name: `query ${name}`,
    async ask({ auditLog }: EvidenceSite, order: FilledOrder): Promise<void> {
      atLeast(found(order), (await auditLog.query(asked(order))).length);
    },
  };
}

function atLeast(expected: number, found: number): void {
  if (found < expected) throw new Error(`an answer has ${found} of ${expected}`);
}

/** One transaction, one person, one mandate among all the others. */
export function evidenceQuerySection(queries: readonly QueryResults[], pace: Pace): string {
  const chain = queries[0]?.results.at(-1);
  return [
    bySize('Questions to the log, a lone caller', queries),
    verdict(
      `p99, ${queries[0]?.name}, ${chain?.name}`,
      chain && figure(chain, 'p99Ms'),
      { atMost: 50 },
      pace.evidence.rounds,
      inMs(2),
    ),
  ].join('\n');
}
