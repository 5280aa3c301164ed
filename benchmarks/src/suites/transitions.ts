import type { RecordDraft } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { performed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import {
  allCpu,
  type Contender,
  type Figure,
  figure,
  measureInTurn,
  type Result,
  type Round,
  ratio,
  roundOf,
  together,
} from '../measure.ts';
import { cpu, latency, number, rate, section, table, times } from '../table.ts';
import type { Trading } from '../trading/grown-trading.ts';
import { type OrderStep, orderSteps, takeStep } from '../trading/orders.ts';
import type { SuiteOptions } from './suite.ts';

/** What so many callers at once get done. */
export interface TransitionResults {
  readonly callers: number;
  /** Transitions on each site, smallest first. */
  readonly transitions: readonly TransitionResult[];
  /** Appends of records like theirs to the log alone, in the same turns. */
  readonly appends: Result;
}

export interface TransitionResult {
  /** Of the site. */
  readonly name: string;
  readonly all: Result;
  readonly steps: readonly Result[];
}

type Turn = { readonly all: Round; readonly steps?: Readonly<Record<OrderStep, Round>> };

/**
 * Orders carried from their submission to their settlement through the registry in process, everything behind it real:
 * mandates, policies, limits, log and PostgreSQL. All orders of a round take a step before any takes the next, so that
 * each step's cost can be told; they are opened before.
 */
export async function measureTransitions(
  options: SuiteOptions & { readonly sites: readonly Trading[] },
): Promise<readonly TransitionResults[]> {
  const { sites, pace } = options;
  const [first] = sites;
  if (first === undefined) throw new Error('there is no site to trade on');
  const measured: TransitionResults[] = [];
  for (const { callers, orders } of pace.transitions.callers) {
    const contenders = [
      ...sites.map((site) => carrying(site, callers, orders)),
      await appending(first, callers, orders * orderSteps.length),
    ];
    const results = await measureInTurn(contenders, { rounds: pace.transitions.rounds, seconds: 0 }, (said) =>
      options.onProgress(`transitions, ${callers} at once: ${said}`),
    );
    const [appends] = results.slice(-1);
    if (appends === undefined) throw new Error('no appends were measured');
    measured.push({
      callers,
      transitions: results.slice(0, -1).map(({ name, rounds }) => ({
        name,
        all: { name, rounds: rounds.map(({ all }) => all) },
        steps: orderSteps.map((step) => ({ name: step, rounds: rounds.flatMap(({ steps }) => steps?.[step] ?? []) })),
      })),
      appends: { name: appends.name, rounds: appends.rounds.map(({ all }) => all) },
    });
  }
  return measured;
}

function carrying({ name, site, orders: book }: Trading, callers: number, count: number): Contender<Turn> {
  const round = async (): Promise<Turn> => {
    const orders = await book.open(count);
    const take = (step: OrderStep) =>
      performed(callers, orders, async (order) => {
        const { replayed } = await takeStep(site.registry, order, step);
        if (replayed) throw new Error(`${step} had happened before`);
      });
    const submit = await take('submit');
    const execute = await take('execute');
    const clear = await take('clear');
    const settle = await take('settle');
    return {
      all: roundOf(together([submit, execute, clear, settle])),
      steps: { submit: roundOf(submit), execute: roundOf(execute), clear: roundOf(clear), settle: roundOf(settle) },
    };
  };
  return {
    name,
    warmUp: () => round(),
    round,
  };
}

/** The records of the four steps, each again under an id of its own and about no transaction. */
async function appending(
  { site: { auditLog }, orders }: Trading,
  callers: number,
  count: number,
): Promise<Contender<Turn>> {
  const [model] = await orders.carried(1);
  if (model === undefined) throw new Error('no order was carried out');
  const steps = await auditLog.search({ transaction: model.id, type: 'transaction.transitioned' });
  const drafts: readonly Omit<RecordDraft, 'id'>[] = steps.map(
    ({ record: { id, time, v, stream, number, clock, protected: _kept, transaction, ...rest } }) => rest,
  );
  const round = async (): Promise<Turn> => {
    const places = Array.from({ length: count }, (_, place) => place);
    const counted = await performed(callers, places, (place) =>
      auditLog.append({ ...pick(drafts, place), id: newId('record', { clock: systemClock, random: systemRandom }) }),
    );
    return { all: roundOf(counted) };
  };
  return {
    name: 'bare appends of such records',
    warmUp: () => round(),
    round,
  };
}

/** Durable transitions a second, beside what the log alone takes, and what each step costs. */
export function transitionSections(measured: readonly TransitionResults[]): readonly string[] {
  return measured.flatMap(({ callers, transitions, appends }) => {
    const at = callers === 1 ? 'a lone caller' : `${callers} callers at once`;
    const all = transitions.map(({ name, all: result }) => ({ ...result, name: `transitions, ${name}` }));
    const [empty, ...grown] = transitions;
    return [
      [
        section(
          `Durable transitions of orders from submission to settlement, ${at}`,
          [...all, appends],
          [rate('a second'), ...latency, ...cpu('process CPU µs')],
        ),
        ...all.map((result) => `  ${times(ratio(result, appends, 'rate'))} the rate of the appends: ${result.name}`),
      ].join('\n'),
      table(`Their steps, ${at}: CPU of process and PostgreSQL together, µs`, [
        ['', ...transitions.map(({ name }) => name), ...grown.map(({ name }) => `${name} is`), 'p50 ms', 'p99 ms'],
        ...(empty?.steps ?? []).map((first, step) => {
          const results = transitions.flatMap(({ steps }) => steps[step] ?? []);
          const last = results.at(-1) ?? first;
          return [
            first.name,
            ...results.map((result) => number(figure(allCpu(result), 'cpuUs'), 0)),
            ...results.slice(1).map((result) => times(ratio(allCpu(result), allCpu(first), 'cpuUs'))),
            ...(['p50Ms', 'p99Ms'] as const satisfies readonly Figure[]).map((name) => number(figure(last, name), 2)),
          ];
        }),
      ]),
    ];
  });
}
