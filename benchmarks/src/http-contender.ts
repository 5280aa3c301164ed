import { type Answer, type ClientIdentity, headersOf } from './http-connection.ts';
import { type LoadResult, sendAll } from './http-load.ts';
import { type Contender, type Counted, type Round, roundOf } from './measure.ts';
import { descendantsCpuUs } from './process-tree-cpu.ts';

const mostAtOnce = 1_000;

/** A server under a closed loop of prepared requests. */
export function httpContender(options: {
  readonly name: string;
  readonly server: Metered & { readonly url: string };
  /** Where the server is asked, when not at its main address. */
  readonly url?: string;
  readonly identities?: readonly ClientIdentity[];
  readonly connections: number;
  readonly warmUpRequests: number;
  /** So many fresh requests; not part of the measured time. */
  readonly prepare: (count: number) => readonly Buffer[] | Promise<readonly Buffer[]>;
  readonly complaint: (answer: Answer) => string | undefined;
}): Contender {
  const { name, server, url = server.url, identities, connections, complaint } = options;
  let rate = 0;

  async function send(count: number): Promise<Round> {
    const requests = await options.prepare(count);
    const counted = await measured(server, () => sendAll({ name, url, identities, requests, connections, complaint }));
    const round = roundOf(counted);
    rate = round.rate;
    return round;
  }

  return {
    name,
    async warmUp() {
      // What was signed is good for a minute, and a cold server on a busy machine is slow.
      for (let sent = 0; sent < options.warmUpRequests; sent += mostAtOnce)
        await send(Math.max(connections, Math.min(mostAtOnce, options.warmUpRequests - sent)));
    },
    // By count, not by the clock: what was prepared gets used, and the pace of the last round says how much that is.
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

/** This process and the PostgreSQL that it started. */
export const thisProcess: Metered = {
  async cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  databaseCpuUs: () => descendantsCpuUs(process.pid),
};

/** Does some work, and reads what it cost a process and its PostgreSQL. */
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

/** Runs a load and reads what it cost. */
export async function measured(of: Metered, run: () => Promise<LoadResult>): Promise<Counted> {
  const { value, cpuUs, databaseCpuUs, walBytes } = await withCosts(of, run);
  const { seconds, latenciesMs } = value;
  return { operations: latenciesMs.length, seconds, latenciesMs, cpuUs, databaseCpuUs, walBytes };
}

/** For {@link httpContender}: whether this is a token as it was asked for. */
export function tokenComplaint(answer: Answer): string | undefined {
  if (answer.status !== 200) return 'which is not a token';
  const { access_token: token, token_type: type } = readJson(answer.body);
  return typeof token === 'string' && type === 'DPoP' ? undefined : 'without a DPoP-bound access token';
}

/** For {@link httpContender}: whether the decision point permitted, and named its record. */
export function permitComplaint(answer: Answer): string | undefined {
  if (answer.status !== 200) return 'which is not a decision';
  const [evidence = ''] = headersOf(answer, 'countersign-evidence');
  return readJson(answer.body)['decision'] === true && evidence.startsWith('rec_')
    ? undefined
    : 'without a permit and its record';
}

/** For {@link httpContender}: whether it permitted each of so many. */
export function permitsComplaint(answer: Answer, count: number): string | undefined {
  if (answer.status !== 200) return 'which is not a list of decisions';
  const { evaluations } = readJson(answer.body);
  const permitted = Array.isArray(evaluations)
    ? evaluations.filter((each: unknown) => (each as { readonly decision?: unknown } | null)?.decision === true)
    : [];
  return permitted.length === count ? undefined : `which permits ${permitted.length} of ${count}`;
}

/** The members of a JSON object; none where it is not one. */
export function readJson(body: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
