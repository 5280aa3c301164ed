import { type Directory, parsePrincipalId, type RecoveryRequest, recoveryErrors } from '@countersign/contracts';
import { type Clock, toInstant } from '@countersign/kernel';
import { databaseFailure, networkOf } from '@countersign/runtime';
import type pg from 'pg';
import { keepRequest, listRequests, removeRequests } from './store.ts';

/** How often a page may be used from one network within an hour; more is refused without looking at it. */
export interface Limiter {
  /** @returns whether it is still within the limit; it counts */
  take(address: string | undefined, now: number): boolean;
}

const windowMs = 3_600_000;

/** Counted in memory, the oldest forgotten first. IPv6 subscribers hold a whole /64: they have one count for it. */
export function createLimiter({
  perHour,
  mostNetworks,
}: {
  readonly perHour: number;
  readonly mostNetworks: number;
}): Limiter {
  const counts = new Map<string, { window: number; count: number }>();
  return {
    take(address, now) {
      const network = networkOf(address);
      const window = Math.floor(now / windowMs);
      const known = counts.get(network);
      const count = known?.window === window ? known.count + 1 : 1;
      counts.delete(network);
      counts.set(network, { window, count });
      const [oldest] = counts.keys();
      if (counts.size > mostNetworks && oldest !== undefined) counts.delete(oldest);
      return count <= perHour;
    },
  };
}

/** Requests from the public page. They prove nothing and open nothing; an operator contacts the person. */
export interface Requests {
  /**
   * Answers the same, and does the same work, whether there is such a person or not.
   *
   * @throws CodedError `recovery_requests_spent` after ten within an hour from one network; `recovery_malformed` for what
   *   cannot be anybody's id
   */
  ask(name: string, address: string | undefined): Promise<void>;
  list(institution: string | undefined): Promise<readonly RecoveryRequest[]>;
}

const perHour = 10;
const mostNetworks = 10_000;
const mostStrangers = 1_000;
const mostListed = 100;
const mostRead = 1_000;
const keptMs = 7 * 86_400_000;

export function createRequests(dependencies: {
  readonly pool: pg.Pool;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
}): Requests {
  const { pool, directory, clock } = dependencies;
  const limiter = createLimiter({ perHour, mostNetworks });
  const personOf = (id: string) => {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  };
  return {
    async ask(name, address) {
      const now = clock.now();
      if (!limiter.take(address, now))
        throw recoveryErrors.error(
          'recovery_requests_spent',
          'This was asked too often from your network. Call the security of your firm, or try again in an hour.',
          { facts: { field: 'person' } },
        );
      const trimmed = name.trim().toLowerCase();
      const id = parsePrincipalId(trimmed.startsWith('person:') ? trimmed : `person:${trimmed}`);
      if (id === undefined)
        throw recoveryErrors.error(
          'recovery_malformed',
          'An id has letters, digits, dots and hyphens, as in person:anna.keller.',
          { facts: { field: 'person' } },
        );
      await keepRequest(pool, { person: id, known: personOf(id) !== undefined, now }, mostStrangers);
    },
    async list(institution) {
      const since = clock.now() - keptMs;
      try {
        await removeRequests(pool, since, mostRead);
        return (await listRequests(pool, since, mostRead))
          .flatMap(({ person: text, firstAt, lastAt, times }): RecoveryRequest[] => {
            const person = parsePrincipalId(text);
            const known = personOf(text);
            if (person === undefined || known === undefined) return [];
            if (institution !== undefined && known.institution !== institution) return [];
            return [
              {
                person,
                institution: known.institution,
                firstAt: toInstant(firstAt.getTime()),
                lastAt: toInstant(lastAt.getTime()),
                times,
              },
            ];
          })
          .slice(0, mostListed);
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}
