import { type Directory, parsePrincipalId, type RecoveryRequest, recoveryErrors } from '@countersign/contracts';
import { type Clock, toInstant } from '@countersign/kernel';
import { databaseFailure, networkOf } from '@countersign/runtime';
import type pg from 'pg';
import { keepRequest, listRequests, removeRequests } from './store.ts';

const windowMs = 3_600_000;

/** Counts uses per network and hour in memory, oldest forgotten first. An IPv6 subscriber has a whole /64, which counts as one. */
export function createLimiter({ perHour, maxNetworks }: { readonly perHour: number; readonly maxNetworks: number }) {
  const counts = new Map<string, { window: number; count: number }>();
  return {
    /** @returns whether this use is within the limit */
    isWithin(address: string | undefined, now: number): boolean {
      const network = networkOf(address);
      const window = Math.floor(now / windowMs);
      const known = counts.get(network);
      const count = known?.window === window ? known.count + 1 : 1;
      counts.delete(network);
      counts.set(network, { window, count });
      const [oldest] = counts.keys();
      if (counts.size > maxNetworks && oldest !== undefined) counts.delete(oldest);
      return count <= perHour;
    },
  };
}

/** Requests from the public page. They prove nothing and open nothing; an operator contacts the person. */
export interface Requests {
  /**
   * The same answer and work whether or not the person exists.
   * @throws CodedError `recovery_requests_spent` after ten within an hour from one network; `recovery_malformed` for an invalid id
   */
  ask(name: string, address: string | undefined): Promise<void>;
  list(institution: string | undefined): Promise<readonly RecoveryRequest[]>;
}

const perHour = 10;
const maxNetworks = 10_000;
const maxStrangers = 1_000;
const maxListed = 100;
const maxRead = 1_000;
const keptMs = 7 * 86_400_000;

export function createRequests(dependencies: {
  readonly pool: pg.Pool;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
}): Requests {
  const { pool, directory, clock } = dependencies;
  const limiter = createLimiter({ perHour, maxNetworks });
  const personOf = (id: string) => {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  };
  return {
    async ask(name, address) {
      const now = clock.now();
      if (!limiter.isWithin(address, now))
        throw recoveryErrors.error(
          'recovery_requests_spent',
          'Too many requests from your network. Call your firm’s security department, or try again in an hour.',
          { facts: { field: 'person' } },
        );
      const trimmed = name.trim().toLowerCase();
      const id = parsePrincipalId(trimmed.startsWith('person:') ? trimmed : `person:${trimmed}`);
      if (id === undefined)
        throw recoveryErrors.error(
          'recovery_malformed',
          'An ID has letters, digits, dots and hyphens, for example person:anna.keller.',
          { facts: { field: 'person' } },
        );
      await keepRequest(pool, { person: id, known: personOf(id) !== undefined, now }, maxStrangers);
    },
    async list(institution) {
      const since = clock.now() - keptMs;
      try {
        await removeRequests(pool, since, maxRead);
        return (await listRequests(pool, since, maxRead))
          .flatMap(({ person: text, firstAt, lastAt, times }): RecoveryRequest[] => {
            const person = parsePrincipalId(text);
            const known = personOf(text);
            if (person === undefined || known === undefined) return [];
            if (institution !== undefined && known.institution !== institution) return [];
            const request = { person, institution: known.institution, times };
            return [{ ...request, firstAt: toInstant(firstAt.getTime()), lastAt: toInstant(lastAt.getTime()) }];
          })
          .slice(0, maxListed);
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}
