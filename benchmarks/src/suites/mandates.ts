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
import { count, inMicroseconds, number, table, times } from '../table.ts';
import { houses } from '../trading/firms.ts';
import { tradeOrder } from '../trading/orders.ts';
import { startTradingSite, type TradingSite } from '../trading/trading-site.ts';
import type { InProcessOptions } from './suite.ts';

export interface MandateResults {
  /** What was asked about, at each length of line and each number of mandates. */
  readonly checks: readonly MandateChecks[];
  readonly memory: readonly MandateMemory[];
}

export interface MandateChecks {
  /** Mandates that an answer rests on. */
  readonly chain: number;
  readonly mandates: number;
  /** From memory, not in memory, the database asked each time, and the constraints alone. */
  readonly results: readonly Result[];
}

/** What a memory that has taken in all it keeps adds to this process. */
export interface MandateMemory {
  readonly mandates: number;
  /** Mandates in memory. */
  readonly remembered: number;
  readonly heapBytes: number;
  /** The whole process afterwards, everything else in it included. */
  readonly residentBytes: number;
}

/** A question: an intent of whoever holds the lowest mandate of a line. */
interface Question {
  readonly mandate: MandateId;
  readonly actingFor: Lei;
  readonly detail: TradeOrder;
  readonly line: readonly Mandate[];
}

/** Lines that are asked about in turn where they are to be in memory, and stay within its younger half. */
const warmLines = 1_500;
/** So few are remembered where each line that is asked about is to be read. */
const forgetful = 1;
const action = 'order:create';

/**
 * "Does this mandate allow this intent now?", put to the consent store in process: when it knows the line, and when it
 * has to be read; beside PostgreSQL asked each time, and the constraints of the line looked at and nothing else. All
 * must permit.
 */
export async function measureMandates(options: InProcessOptions): Promise<MandateResults> {
  const { pace } = options;
  const checks: MandateChecks[] = [];
  const memory: MandateMemory[] = [];
  for (const mandates of pace.mandates.sizes) {
    const onProgress = (message: string): void =>
      options.onProgress(`mandates: ${mandates.toLocaleString('en-US')}: ${message}`);
    const site = await startTradingSite(options);
    const groups = Math.ceil(mandates / mandatesAGroup);
    await fill(site, groups, onProgress);
    memory.push({ mandates, ...(await memoryOf(site, groups)) });
    const forgetting = await site.consentStoreRemembering(forgetful);
    for (const chain of lineLengths) {
      const questions = await questionsAbout(site, chain, groups);
      const contenders = contendersFor(questions, site, forgetting, pace);
      const turns = { rounds: pace.rounds, seconds: pace.inProcessSeconds };
      const results = await measureInTurn(contenders, turns, (said) => onProgress(`a chain of ${chain}: ${said}`));
      checks.push({ chain, mandates, results });
    }
    await site.stop();
  }
  return { checks, memory };
}

async function fill(site: TradingSite, groups: number, onProgress: (message: string) => void): Promise<void> {
  const models = (await giveLines(site.consentStore)).map(({ id }) => id);
  await fillMandates(site.owner, models, groups, onProgress);
  if ((await countMandates(site.owner)) < groups * mandatesAGroup)
    throw new Error('mandates were lost before anything was measured');
}

/** Questions about lines of one length all over the table. */
async function questionsAbout(site: TradingSite, chain: number, groups: number): Promise<readonly Question[]> {
  const lines = Math.min(warmLines, groups);
  const pool = site.consentPool();
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
  { consentStore, consentPool }: TradingSite,
  forgetting: ConsentStore,
  pace: Pace,
): readonly Contender[] {
  const pool = consentPool();
  const useOf = ({ detail }: Question) => intentUse(detail, { action, at: Date.now() });
  const asking = (store: ConsentStore) => async (index: number) => {
    const question = pick(questions, index);
    const use = useOf(question);
    const answer = await store.check({ mandate: question.mandate, actingFor: question.actingFor, use, at: use.at });
    if (!answer.stands || answer.chain.length !== question.line.length)
      throw new Error(answer.stands ? 'an answer that rests on another line' : answer.detail);
  };
  const contenders = [
    askedBefore(questions, timed('consent store, from memory', pace, asking(consentStore)), asking(consentStore)),
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

/** Every question has been asked once when it is measured how long it takes. */
function askedBefore(
  questions: readonly Question[],
  contender: Contender,
  ask: (index: number) => Promise<void>,
): Contender {
  return {
    ...contender,
    async warmUp() {
      for (const index of questions.keys()) await ask(index);
      await contender.warmUp();
    },
  };
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

/** Asks about so many lines that memory holds as much as it ever does. */
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

/** Twice what the consent store is told to keep. */
const mostInMemory = 40_000;

/** The lowest mandate of the line of this length in a group. */
function mandateAt(group: number, length: number): MandateId {
  const id = parseId('mandate', idOfCopy(group, lowestOf(length)));
  if (id === undefined) throw new Error('a mandate without an id');
  return id;
}

function orderOf(holder: Lei, mandate: MandateId, index: number): TradeOrder {
  return tradeOrder({ ...pick(houses, 0), arranger: holder }, mandate, index);
}

/** "Does this mandate allow this intent now?", by how long its line is and how many mandates there are. */
export function mandateSections({ checks, memory }: MandateResults): readonly string[] {
  const rows = checks.flatMap(({ chain, mandates, results }) => {
    const [first] = results;
    return [
      [`a chain of ${chain} among ${count(mandates)} mandates`],
      ...results.map((result) => [
        `  ${result.name}`,
        number(figure(result, 'rate'), 0),
        number(inMicroseconds(result, 'p50Ms'), 1),
        number(inMicroseconds(result, 'p99Ms'), 1),
        number(figure(result, 'cpuUs'), 1),
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

/** Bytes that live on the heap of this process now, and its resident set, after everything that can go has gone. */
export function collectedHeap(): { readonly heapBytes: number; readonly residentBytes: number } {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node.js does not let its garbage be collected');
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, residentBytes: rss };
}
