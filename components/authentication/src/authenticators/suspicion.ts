import { toInstant } from '@countersign/kernel';
import { en } from '../texts/en.ts';
import type { Parts } from './dependencies.ts';
import { noticeIdOf } from './records.ts';
import { createSuspicion } from './removal.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Two weeks, so that it outlasts a holiday; policies deny or step up until then. */
const signalMs = 14 * 86_400_000;

/**
 * Takes an authenticator out of use because its counter went back: somebody may hold a copy of it. Only an assertion that
 * verifies can lead here, so that a stranger suspends nobody.
 *
 * What follows (the signal, the end of sessions, the notice) is tried whatever fails of it: the refusal stands anyway.
 */
export async function suspect(parts: Parts, suspected: StoredAuthenticator): Promise<void> {
  if (await parts.commands.run(createSuspicion(parts), suspected.id)) await afterSuspicion(parts, suspected);
}

/** The steps after a recorded suspicion; also run when an interrupted one is completed. */
export async function afterSuspicion(parts: Parts, { id, person, name }: StoredAuthenticator): Promise<void> {
  const { clock, logger, signals, notices, cutOff } = parts;
  logger.error({ authenticator: id, person }, 'the counter of an authenticator went back: there may be a copy of it');
  const steps: readonly (() => Promise<unknown> | undefined)[] = [
    () =>
      signals?.raise({
        person,
        name: 'credential-compromised',
        until: toInstant(clock.now() + signalMs),
        why: `the counter of ${id} went back`,
      }),
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
      logger.error({ error, authenticator: id }, 'a step after the suspicion of an authenticator failed');
    }
}
