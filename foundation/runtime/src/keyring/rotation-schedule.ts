import { type Clock, namesOf } from '@countersign/kernel';
import type { Logger } from '../observability/index.ts';
import type { KeyPolicy } from './keyring-contract.ts';

/** Delay before a rotation that could not be recorded or stored is retried. */
const retryAfterMs = 60_000;

/**
 * Rotates keys on schedule: as soon as a successor published now would become active when the present key's time ends. Any number
 * of nodes may run it; the keyring ensures that only one successor is created.
 *
 * @returns a function to call periodically; it throws the errors of `rotate`
 */
export function createRotationSchedule<Purpose extends string>(options: {
  readonly policies: Readonly<Record<Purpose, KeyPolicy>>;
  readonly clock: Clock;
  readonly logger: Logger;
  newest(purpose: Purpose): { readonly activatesAt: number } | undefined;
  rotate(purpose: Purpose): Promise<{ readonly kid: string }>;
}): () => Promise<void> {
  const { policies, clock, logger } = options;
  const purposes = namesOf(policies);
  const notBefore = new Map<Purpose, number>();
  for (const purpose of purposes) {
    const { rotateEverySeconds = Infinity, publicationLeadSeconds } = policies[purpose];
    if (rotateEverySeconds <= publicationLeadSeconds)
      throw new Error(`keys for ${purpose} would be replaced before they are used`);
  }

  return async () => {
    for (const purpose of purposes) {
      const { rotateEverySeconds, publicationLeadSeconds } = policies[purpose];
      const newest = options.newest(purpose);
      if (rotateEverySeconds === undefined || newest === undefined) continue;
      const due = newest.activatesAt + (rotateEverySeconds - publicationLeadSeconds) * 1000;
      if (clock.now() < Math.max(due, notBefore.get(purpose) ?? 0)) continue;
      notBefore.set(purpose, clock.now() + retryAfterMs);
      const { kid } = await options.rotate(purpose);
      notBefore.delete(purpose);
      logger.info({ purpose, kid }, 'successor of a signing key published on schedule');
    }
  };
}
