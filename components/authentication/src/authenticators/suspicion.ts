import { newId, toInstant } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import { en } from '../texts/en.ts';
import { aboutPerson } from './about.ts';
import type { Parts } from './dependencies.ts';
import { suspected } from './records.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Long enough for the person to come back from a holiday; policies deny or step up until then. */
const signalMs = 14 * 86_400_000;

/**
 * Takes an authenticator out of use because its counter went back: somebody may hold a copy of it. Only an assertion that
 * verifies can lead here, so that a stranger suspends nobody.
 *
 * What follows (the signal, the end of sessions, the notice) is tried whatever fails of it: the refusal stands anyway.
 */
export async function suspect(parts: Parts, { id, person, name }: StoredAuthenticator): Promise<void> {
  const { pool, audit, directory, clock, logger, authenticators, signals, notices, cutOff } = parts;
  const first = await transaction(pool, async (client) => {
    const stored = await authenticators.lockById(client, id);
    if (stored === undefined || stored.suspendedAt !== undefined || stored.removedAt !== undefined) return false;
    await audit.append(suspected(newId('record', parts), aboutPerson(directory, person), id));
    await authenticators.suspend(client, id, clock.now());
    return true;
  });
  if (!first) return;
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
      notices?.tell({
        id: newId('notice', parts),
        to: person,
        kind: 'authenticator-suspected',
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
