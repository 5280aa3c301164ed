import { type Answer, type ClientIdentity, headersOf } from './http-connection.ts';
import { type LoadResult, sendAll } from './http-load.ts';
import { type Contender, type Counted, type Round, roundOf } from './measure.ts';
import type { Pace } from './pace.ts';
import { descendantsCpuUs } from './process-tree-cpu.ts';

const maxAtOnce = 1_000;

export type Load = Pick<Pace, 'connections' | 'warmUpRequests'>;

/** A server under a closed loop of prepared requests. */
export function httpContender(
  options: Load & {
    readonly name: string;
    readonly server: MeteredServer;
    /** The address of the server, if not its main address. */
    readonly url?: string;
    readonly identities?: readonly ClientIdentity[];
    /** Fresh requests; preparing them is not part of the measured time. */
    readonly prepare: (count: number) => readonly Buffer[] | Promise<readonly Buffer[]>;
    readonly complaint: (answer: Answer) => string | undefined;
  },
): Contender {
  const { name, server, url = server.url, identities, connections, complaint } = options;
  return countedContender(name, options, async (count) => {
    const requests = await options.prepare(count);
    return measured(server, () => sendAll({ name, url, identities, requests, connections, complaint }));
  });
}

/** A contender whose rounds are a number of operations: as many as the last round did in that time. */
export function countedContender(
  name: string,
  { connections, warmUpRequests }: Load,
  perform: (count: number) => Promise<Counted>,
): Contender {
  let rate = 0;
  async function send(count: number): Promise<Round> {
    const round = roundOf(await perform(count));
    rate = round.rate;
    return round;
  }
  return {
    name,
    async warmUp() {
      // Assertions expire after a minute, and a cold server on a busy machine is slow.
      for (let sent = 0; sent < warmUpRequests; sent += maxAtOnce)
        await send(Math.max(connections, Math.min(maxAtOnce, warmUpRequests - sent)));
    },
    round: (seconds) => send(Math.max(connections * 4, Math.ceil(rate * seconds))),
  };
}

/** A process whose CPU time can be read, with its PostgreSQL. */
export interface Metered {
  /** CPU time used so far, user and system, in microseconds. */
  cpuUs(): Promise<number>;
  /** The same of its PostgreSQL; undefined where the platform does not report it. */
  databaseCpuUs(): number | undefined | Promise<number | undefined>;
  /** Write-ahead log that its PostgreSQL has written so far, in bytes. */
  walBytes?(): Promise<number>;
}

export type MeteredServer = Metered & { readonly url: string };

/** This process and the PostgreSQL that it started. */
export const thisProcess: Metered = {
  async cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  databaseCpuUs: () => descendantsCpuUs(process.pid),
};

/** Runs work, and reads what it cost a process and its PostgreSQL. */
export async function withCosts<Value>(of: Metered, work: () => Promise<Value>) {
  const walBefore = await of.walBytes?.();
  const databaseBefore = await of.databaseCpuUs();
  const cpuBefore = await of.cpuUs();
  const began = performance.now();
  const value = await work();
  const seconds = (performance.now() - began) / 1000;
  const cpuUs = (await of.cpuUs()) - cpuBefore;
  const databaseAfter = await of.databaseCpuUs();
  const walAfter = await of.walBytes?.();
  // A server without a database has no child processes.
  const databaseCpuUs =
    databaseBefore === undefined || databaseAfter === undefined || databaseAfter === 0
      ? undefined
      : databaseAfter - databaseBefore;
  const walBytes = walBefore === undefined || walAfter === undefined ? undefined : walAfter - walBefore;
  return { value, seconds, cpuUs, databaseCpuUs, walBytes };
}

export async function measured(of: Metered, run: () => Promise<LoadResult>): Promise<Counted> {
  const { value, cpuUs, databaseCpuUs, walBytes } = await withCosts(of, run);
  const { seconds, latenciesMs } = value;
  return { operations: latenciesMs.length, seconds, latenciesMs, cpuUs, databaseCpuUs, walBytes };
}

// The problem with an answer, for httpContender; undefined if it is a success.

export function tokenComplaint(answer: Answer): string | undefined {
  if (answer.status !== 200) return 'which is not a token';
  const { access_token: token, token_type: type } = readJson(answer.body);
  return typeof token === 'string' && type === 'DPoP' ? undefined : 'without a DPoP-bound access token';
}

export function permitComplaint(answer: Answer): string | undefined {
  if (answer.status !== 200) return 'which is not a decision';
  const [evidence = ''] = headersOf(answer, 'countersign-evidence');
  return readJson(answer.body)['decision'] === true && evidence.startsWith('rec_')
    ? undefined
    : 'without a permit and its record';
}

export function permitsComplaint(answer: Answer, count: number): string | undefined {
  if (answer.status !== 200) return 'which is not a list of decisions';
  const { evaluations } = readJson(answer.body);
  const permitted = Array.isArray(evaluations)
    ? evaluations.filter((each: unknown) => (each as { readonly decision?: unknown } | null)?.decision === true)
    : [];
  return permitted.length === count ? undefined : `which permits ${permitted.length} of ${count}`;
}

/** The members of a JSON object; empty for any other text. */
export function readJson(body: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
