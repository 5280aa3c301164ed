import type { Client, Directory, Notices } from '@countersign/contracts';
import { type Clock, derivedId, type NoticeId, sha256, toInstant } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { KeyAgePolicy } from './client-keys.ts';

/** Days before the end of a key at which people are reminded, besides the first day of the warning period. */
const laterReminders = [7, 1] as const;
const dayMs = 86_400_000;
const everyMs = 300_000;
/** Reminders that are remembered as sent; the notices know the others by their id. */
const maxRemembered = 10_000;

export interface KeyRemindersDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly notices: Notices;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keyAge: KeyAgePolicy;
  /** LEI of the operator, whose clients have no administrator. */
  readonly operator: string;
}

export interface KeyReminders {
  /** Sends the reminders that are due. @throws errors of notices and directory */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Reminds the administrators of a firm before a registered key of one of its clients reaches its maximum age: at the start of the
 * warning period, a week and a day before the end. Unlike the record of a use, this also reaches firms whose client is idle. Any
 * number of nodes may run it; each reminder is sent once.
 */
export function createKeyReminders(dependencies: KeyRemindersDependencies): KeyReminders {
  const { directory, notices, clock, logger, operator, keyAge } = dependencies;
  const stages = [keyAge.warnDays, ...laterReminders.filter((days) => days < keyAge.warnDays)];

  const sent = new Set<NoticeId>();

  async function remind(client: Client, key: Client['keys'][number], now: number): Promise<void> {
    const endsAt = key.registeredAt + keyAge.maxDays * dayMs;
    const days = stages.findLast((stage) => now >= endsAt - stage * dayMs);
    if (days === undefined || now >= endsAt) return;
    const kid = key.certificateThumbprint ?? key.jwk['kid'] ?? 'without kid';
    const about = ['client-key-ending', client.id, kid, String(endsAt), String(days)];
    const id = derivedId('notice', endsAt - days * dayMs, sha256(JSON.stringify(about)).subarray(0, 10));
    if (sent.has(id)) return;
    await notices.notify({
      id,
      to: { role: client.institution === operator ? 'operator' : 'administrator', institution: client.institution },
      kind: 'client-key-ending',
      text:
        `The key ${kid} of the client ${client.id} reaches its maximum age on ${toInstant(endsAt).slice(0, 10)}. Register a new key before ` +
        'then and change the software over to it. Afterwards the client is refused.',
      facts: { client: client.id, kid, ends_at: toInstant(endsAt) },
    });
    if (sent.size >= maxRemembered) sent.clear();
    sent.add(id);
  }

  const rounds = createRounds({
    what: 'reminders of client keys',
    async work() {
      const now = clock.now();
      // Keys that are fetched belong to their owner, and have no age here.
      for (const client of directory.snapshot().clients())
        if (client.jwksUri === undefined) for (const key of client.keys) await remind(client, key, now);
    },
    logger,
    everyMs,
  });
  rounds.hurry();
  return rounds;
}
