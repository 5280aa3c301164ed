import type { RecordDraft } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { performed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import {
  allCpu,
  type Contender,
  type Counted,
  type Figure,
  figure,
  measureInTurn,
  partOf,
  type Result,
  type Round,
  ratio,
  roundOf,
  together,
} from '../measure.ts';
import { about } from '../starter.ts';
import { cpu, latency, number, rate, section, table, times } from '../table.ts';
import type { Trading } from '../trading/grown-trading.ts';
import { type OrderStep, orderSteps, takeStep } from '../trading/orders.ts';
import type { SuiteOptions } from './suite.ts';

/** The results for a number of concurrent callers. */
export interface TransitionResults {
  readonly callers: number;
  readonly transitions: readonly TransitionResult[];
  /** Appends of records like theirs to the log alone, in the same turns. */
  readonly appends: Result;
}

export interface TransitionResult {
  readonly name: string;
  readonly all: Result;
  readonly steps: readonly Result[];
}

/** A round, and its steps in order. */
type Turn = { readonly all: Round; readonly steps?: readonly Round[] };

/**
 * Orders from submission to settlement through the registry in process, with real mandates, policies, limits, log and
 * PostgreSQL. All orders of a round take a step before any takes the next, so that each step has its own cost. They are
 * opened before the measurement.
 */
export async function measureTransitions(
  options: SuiteOptions & { readonly sites: readonly Trading[] },
): Promise<readonly TransitionResults[]> {
  const { sites, pace } = options;
  const measured: TransitionResults[] = [];
  for (const { callers, orders } of pace.transitions.callers) {
    const contenders = [
      ...sites.map((site) => completing(site, callers, orders)),
      await appending(pick(sites, 0), callers, orders * orderSteps.length),
    ];
    const turns = { rounds: pace.transitions.rounds, seconds: 0 };
    const progress = about(`transitions, ${callers} at once`, options.onProgress);
    const results = await measureInTurn(contenders, turns, progress);
    const [appends] = partOf(results.slice(-1), ({ all }) => all);
    if (appends === undefined) throw new Error('no appends were measured');
    measured.push({
      callers,
      transitions: results.slice(0, -1).map(({ name, rounds }) => ({
        name,
        all: { name, rounds: rounds.map(({ all }) => all) },
        steps: orderSteps.map((name, step) => ({ name, rounds: rounds.flatMap(({ steps }) => steps?.[step] ?? []) })),
      })),
      appends,
    });
  }
  return measured;
}

function completing({ name, site, orders: book }: Trading, callers: number, count: number): Contender<Turn> {
  const round = async (): Promise<Turn> => {
    const orders = await book.open(count);
    const take = (step: OrderStep) =>
      performed(callers, orders, async (order) => {
        const { replayed } = await takeStep(site.registry, order, step);
        if (replayed) throw new Error(`${step} had happened before`);
      });
    const counted: Counted[] = [];
    for (const step of orderSteps) counted.push(await take(step));
    return { all: roundOf(together(counted)), steps: counted.map(roundOf) };
  };
  return { name, warmUp: round, round };
}

/** Appends of the records of the four steps, each with a new id and without a transaction. */
async function appending(
  { site: { auditLog }, orders }: Trading,
  callers: number,
  count: number,
): Promise<Contender<Turn>> {
  const [model] = await orders.completed(1);
  if (model === undefined) throw new Error('no order was completed');
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
  return { name: 'bare appends of such records', warmUp: round, round };
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
