import { toInstant } from '@countersign/kernel';
import { en } from '../texts/en.ts';
import type { Parts } from './dependencies.ts';
import { noticeIdOf } from './records.ts';
import { createSuspicion } from './removal.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Two weeks, so that it outlasts a holiday; policies deny or step up until then. */
const signalMs = 14 * 86_400_000;

/**
 * Suspends a key whose counter went back: there may be a copy. Only after a verified assertion, so a stranger suspends nobody.
 */
export async function suspect(parts: Parts, suspected: StoredAuthenticator): Promise<void> {
  if (await parts.commands.run(createSuspicion(parts), suspected.id)) await afterSuspicion(parts, suspected);
}

/** Also completes an interrupted suspension. */
export async function afterSuspicion(parts: Parts, { id, person, name }: StoredAuthenticator): Promise<void> {
  const { clock, logger, signals, notices, cutOff } = parts;
  logger.error({ authenticator: id, person }, 'the counter of an authenticator went back: there may be a copy of it');
  const until = toInstant(clock.now() + signalMs);
  const why = `the counter of ${id} went back`;
  const steps: readonly (() => Promise<unknown> | undefined)[] = [
    () => signals?.raise({ person, name: 'credential-compromised', until, why }),
    () => cutOff(person, 'authenticator_suspected'),
    () =>
      notices?.notify({
        ...{ id: noticeIdOf(`suspicion of ${id}`), to: person, kind: 'authenticator-suspected' },
        text: en.notices.suspected(name),
        facts: { authenticator: id },
      }),
  ];
  for (const step of steps)
    try {
      await step();
    } catch (error) {
      logger.error({ error, authenticator: id }, 'a step after the suspension of an authenticator failed');
    }
}
