import type { LogEntry } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import type { SignInSite } from './sign-in-site.ts';
import { countOf, prepareSignIns, type SignInCeremony, signInAll } from './sign-in-steps.ts';

/** Sign-ins under load, all of which are accounted for. */
export interface NothingLost {
  readonly ceremonies: number;
  readonly connections: number;
  readonly seconds: number;
}

const page = 1_000;

/**
 * Sign-ins under load: each starts exactly one session of the right person with its own cookie, the log has exactly one
 * record of each session, and the stored counter of every key is its newest.
 *
 * @throws CodedError `benchmark_lost` with everything that is missing or superfluous
 */
export async function requireNothingLost(
  site: SignInSite,
  { ceremonies, connections }: Pick<NothingLost, 'ceremonies' | 'connections'>,
): Promise<NothingLost> {
  const { server, people, ledger, auditLog } = site;
  const before = await ledger.sessions();
  const unfinishedBefore = await ledger.unfinished();
  const newestBefore = await auditLog.newest(['session.started']);
  const done: SignInCeremony[] = [];
  let seconds = 0;
  // A key is used for one page at a time: all people sign in, then all of them again.
  while (done.length < ceremonies) {
    const wave = prepareSignIns(people.slice(0, ceremonies - done.length));
    seconds += (await signInAll(server, wave, connections)).seconds;
    done.push(...wave);
  }

  const started = new Map([...(await ledger.sessions())].filter(([id]) => !before.has(id)));
  const records = await recordsAfter(site, newestBefore);
  const recorded = new Map(records.map(({ record }) => [sessionOf(record.data), record.subject?.id]));
  const counters = await ledger.counters();
  const wrong = [
    tell('sessions', started.size, ceremonies),
    tell('records of a session', records.length, ceremonies),
    tell(
      'sessions with a record of their own',
      [...started].filter(([id, by]) => recorded.get(id) === by).length,
      ceremonies,
    ),
    tell('cookies', new Set(done.map(({ cookie }) => cookie)).size, ceremonies),
    ...people.map(({ person }) => {
      const own = done.filter(({ holder }) => holder.person === person).length;
      return tell(`sessions of ${person}`, [...started.values()].filter((each) => each === person).length, own);
    }),
    ...people.map((holder) =>
      tell(`count of the key of ${holder.person}`, counters.get(holder.person), countOf(holder)),
    ),
    tell('unfinished sign-ins', (await ledger.unfinished()) - unfinishedBefore, 0),
  ].filter((each) => each !== undefined);
  if (wrong.length > 0)
    throw new CodedError({
      code: 'benchmark_lost',
      category: 'conflict',
      detail: `Wrong counts after ${ceremonies} sign-ins: ${wrong.slice(0, 20).join('; ')}.`,
    });
  return { ceremonies, connections, seconds };
}

function sessionOf(data: LogEntry['record']['data']): unknown {
  return typeof data === 'object' && data !== null && 'session' in data ? data.session : undefined;
}

function tell(what: string, found: number | undefined, expected: number): string | undefined {
  return found === expected ? undefined : `${what}: ${found ?? 'none'} instead of ${expected}`;
}

async function recordsAfter({ auditLog }: SignInSite, newest: bigint): Promise<readonly LogEntry[]> {
  const found: LogEntry[] = [];
  for (let after = newest; ; ) {
    const entries = await auditLog.search({ type: 'session.started', after, limit: page });
    found.push(...entries);
    const last = entries.at(-1);
    if (last === undefined || entries.length < page) return found;
    after = last.index;
  }
}
