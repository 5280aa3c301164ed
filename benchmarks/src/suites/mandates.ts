import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ConsentStore, Mandate } from '@countersign/contracts';
import { type MandateId, parseId } from '@countersign/kernel';
import { intentUse, type Lei, permits, type TradeOrder } from '@countersign/market';
import { thisProcess, withCosts } from '../http-contender.ts';
import { timed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import { countMandates, fillMandates, idOfCopy, lineFromDatabase } from '../mandates/filled-mandates-store.ts';
import { giveLines, holderOf, lineLengths, lowestOf, mandatesAGroup } from '../mandates/lines.ts';
import { type Contender, figure, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about, type Progress } from '../starter.ts';
import { count, loneCallerCells, number, table, times } from '../table.ts';
import { houses } from '../trading/firms.ts';
import { tradeOrder } from '../trading/orders.ts';
import { startTradingSite, type TradingSite } from '../trading/trading-site.ts';
import type { InProcessOptions } from './suite.ts';

export interface MandateResults {
  readonly checks: readonly MandateChecks[];
  readonly memory: readonly MandateMemory[];
}

export interface MandateChecks {
  readonly chain: number;
  readonly mandates: number;
  /** From memory, not in memory, the database asked each time, and the constraints alone. */
  readonly results: readonly Result[];
}

/** The memory of a consent store whose cache is full. */
export interface MandateMemory {
  readonly mandates: number;
  readonly remembered: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** An intent of the holder of the lowest mandate of a line. */
interface Question {
  readonly mandate: MandateId;
  readonly actingFor: Lei;
  readonly detail: TradeOrder;
  readonly line: readonly Mandate[];
}

/** Lines that are asked about in turn; few enough to stay in the cache. */
const warmLines = 1_500;
/** With a cache of one mandate, every line must be read. */
const uncached = 1;
const action = 'order:create';

/**
 * "Does this mandate permit this intent now?", answered by the consent store in process: with the line in its cache, and when
 * the line must be read; compared with one query per check, and with the constraint checks alone. All must permit.
 */
export async function measureMandates(options: InProcessOptions): Promise<MandateResults> {
  const { pace } = options;
  const checks: MandateChecks[] = [];
  const memory: MandateMemory[] = [];
  for (const mandates of pace.mandates.sizes) {
    const onProgress = about(`mandates: ${mandates.toLocaleString('en-US')}`, options.onProgress);
    const site = await startTradingSite(options);
    const groups = Math.ceil(mandates / mandatesAGroup);
    await fill(site, groups, onProgress);
    memory.push({ mandates, ...(await memoryOf(site, groups)) });
    const forgetting = await site.consentStoreRemembering(uncached);
    for (const chain of lineLengths) {
      const questions = await questionsAbout(site, chain, groups);
      const contenders = contendersFor(questions, site, forgetting, pace);
      const turns = { rounds: pace.rounds, seconds: pace.inProcessSeconds };
      const results = await measureInTurn(contenders, turns, about(`a chain of ${chain}`, onProgress));
      checks.push({ chain, mandates, results });
    }
    await site.stop();
  }
  return { checks, memory };
}

async function fill(site: TradingSite, groups: number, onProgress: Progress): Promise<void> {
  const models = (await giveLines(site.consentStore)).map(({ id }) => id);
  await fillMandates(site.owner, models, groups, onProgress);
  if ((await countMandates(site.owner)) < groups * mandatesAGroup)
    throw new Error('mandates were lost before the measurement');
}

/** Questions about lines of one length all over the table. */
async function questionsAbout(site: TradingSite, chain: number, groups: number): Promise<readonly Question[]> {
  const lines = Math.min(warmLines, groups);
  const pool = site.consentPool;
  const questions: Question[] = [];
  for (let index = 0; index < lines; index++) {
    const group = Math.floor((index * groups) / lines);
    const mandate = mandateAt(group, chain);
    const actingFor = holderOf(group, chain);
    const line = await lineFromDatabase(pool, mandate);
    if (line.length !== chain || line[0]?.grantee.lei !== actingFor)
      throw new Error(`${mandate} is not as it was filled`);
    questions.push({ mandate, actingFor, detail: orderOf(actingFor, mandate, index), line });
  }
  return questions;
}

function contendersFor(
  questions: readonly Question[],
  { consentStore, consentPool: pool }: TradingSite,
  forgetting: ConsentStore,
  pace: Pace,
): readonly Contender[] {
  const useOf = ({ detail }: Question) => intentUse(detail, { action, at: Date.now() });
  const asking = (store: ConsentStore) => async (index: number) => {
    const question = pick(questions, index);
    const use = useOf(question);
    const answer = await store.check({ mandate: question.mandate, actingFor: question.actingFor, use, at: use.at });
    if (!answer.valid || answer.chain.length !== question.line.length)
      throw new Error(answer.valid ? 'an answer based on another line' : answer.detail);
  };
  const fromMemory = timed('consent store, from memory', pace, asking(consentStore));
  const contenders: readonly Contender[] = [
    {
      ...fromMemory,
      // Every question is asked once before the measurement.
      async warmUp() {
        for (const index of questions.keys()) await asking(consentStore)(index);
        await fromMemory.warmUp();
      },
    },
    timed('consent store, read anew', pace, asking(forgetting)),
    timed('one indexed query a check, and the constraints', pace, async (index) => {
      const question = pick(questions, index);
      const line = await lineFromDatabase(pool, question.mandate);
      expectPermitted(line, question);
    }),
    timed('the constraints alone', pace, (index) => {
      const question = pick(questions, index);
      expectPermitted(question.line, question);
    }),
  ];
  return contenders.map(withDatabaseCpu);

  function expectPermitted(line: readonly Mandate[], question: Question): void {
    const use = useOf(question);
    for (const { constraints } of line) {
      const permission = permits(constraints, use);
      if (!permission.ok) throw new Error(permission.detail);
    }
  }
}

/** Adds the CPU time of PostgreSQL to the rounds of a contender. */
function withDatabaseCpu(contender: Contender): Contender {
  return {
    ...contender,
    async round(seconds) {
      const { value: round, databaseCpuUs } = await withCosts(thisProcess, () => contender.round(seconds));
      return databaseCpuUs === undefined ? round : { ...round, databaseCpuUs: databaseCpuUs / round.operations };
    },
  };
}

/** Asks about so many lines that the cache is full. */
async function memoryOf({ consentStore }: TradingSite, groups: number): Promise<Omit<MandateMemory, 'mandates'>> {
  const length = Math.max(...lineLengths);
  const before = collectedHeap();
  for (let group = 0; group < Math.min(groups, mostInMemory / length); group++) {
    const mandate = mandateAt(group, length);
    const actingFor = holderOf(group, length);
    const use = intentUse(orderOf(actingFor, mandate, group), { action, at: Date.now() });
    await consentStore.check({ mandate, actingFor, use, at: use.at });
  }
  const after = collectedHeap();
  return {
    remembered: consentStore.remembered(),
    heapBytes: after.heapBytes - before.heapBytes,
    residentBytes: after.residentBytes,
  };
}

/** Twice the size of the cache. */
const mostInMemory = 40_000;

function mandateAt(group: number, length: number): MandateId {
  const id = parseId('mandate', idOfCopy(group, lowestOf(length)));
  if (id === undefined) throw new Error('a mandate without an id');
  return id;
}

function orderOf(holder: Lei, mandate: MandateId, index: number): TradeOrder {
  return tradeOrder({ ...pick(houses, 0), arranger: holder }, mandate, index);
}

/** Checks by the length of the line and the number of mandates. */
export function mandateSections({ checks, memory }: MandateResults): readonly string[] {
  const rows = checks.flatMap(({ chain, mandates, results }) => {
    const [first] = results;
    return [
      [`a chain of ${chain} among ${count(mandates)} mandates`],
      ...results.map((result) => [
        `  ${result.name}`,
        ...loneCallerCells(result),
        number(figure(result, 'databaseCpuUs'), 1),
        first === undefined || result === first ? '' : times(ratio(first, result, 'rate')),
      ]),
    ];
  });
  const head = ['', 'checks/s', 'p50 µs', 'p99 µs', 'CPU µs', 'PostgreSQL µs', 'from memory is'];
  return [
    table('Mandate valid for intent, in process, a lone caller', [head, ...rows]),
    table('Memory of the consent store, when it holds all that it keeps', [
      ['mandates in the database', 'in memory', 'heap MB', 'bytes each', 'whole process MB'],
      ...memory.map(({ mandates, remembered, heapBytes, residentBytes }) => [
        count(mandates),
        count(remembered),
        number(heapBytes / 1e6, 1),
        count(heapBytes / Math.max(1, remembered)),
        number(residentBytes / 1e6, 0),
      ]),
    ]),
  ];
}

/** The heap and the resident set of this process after garbage collection. */
function collectedHeap(): { readonly heapBytes: number; readonly residentBytes: number } {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node.js has no gc()');
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, residentBytes: rss };
}
