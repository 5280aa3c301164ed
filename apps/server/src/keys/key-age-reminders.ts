import {
  authorityKeyPurposes,
  type KeyLister,
  type KeyPurpose,
  type ListedKey,
  type Notices,
} from '@countersign/contracts';
import { type Clock, derivedId, type NoticeId, sha256, toInstant } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';

/** Keys that only people replace: the log's by a handover, those of issuing authorities by a ceremony. */
const replacedByHand: ReadonlySet<KeyPurpose> = new Set(['log-checkpoint', ...Object.values(authorityKeyPurposes)]);

/** In days, from the first possible signature. */
export interface KeyAgeLimits {
  /** The maximum age of keys that only people replace. */
  readonly replaceAfterDays: number;
  /** Age at which other keys rotate by themselves. */
  readonly rotateEveryDays: number;
  /** Their maximum age. */
  readonly signAtMostDays: number;
}

/** Days before the maximum age at which people are reminded. */
const stages = [60, 30, 7, 1, 0] as const;
/** In days, once the maximum age is exceeded. */
const repeatedEvery = 30;
const dayMs = 86_400_000;
const everyMs = 300_000;
/** Reminders that are remembered as sent; the notices know the others by their id. */
const mostRemembered = 1_000;

export interface KeyAgeReminders {
  /** Sends the reminders that are due. @throws errors of notices and listers */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Reminds the operator's people before a signing key reaches its maximum age, and every month afterwards, until it has a
 * successor. If a key rotates by itself, the first notice is sent as soon as its rotation is late. Any number of nodes may run it; each reminder
 * is sent once.
 *
 * @param options.listers of every process that has keys
 * @param options.operator LEI
 */
export function createKeyAgeReminders({
  listers,
  notices,
  clock,
  logger,
  limits,
  operator,
}: {
  readonly listers: readonly KeyLister[];
  readonly notices: Notices;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: KeyAgeLimits;
  readonly operator: string;
}): KeyAgeReminders {
  const sent = new Set<NoticeId>();

  async function remind({ purpose, kid, activeFrom }: ListedKey, now: number): Promise<void> {
    const byHand = replacedByHand.has(purpose);
    const endsAt = activeFrom + (byHand ? limits.replaceAfterDays : limits.signAtMostDays) * dayMs;
    const stage = stageAt((endsAt - now) / dayMs) ?? (byHand ? undefined : 'late');
    if (stage === undefined) return;
    const about = ['signing-key-ageing', purpose, kid, String(endsAt), String(stage)];
    const dueAt = stage === 'late' ? activeFrom + limits.rotateEveryDays * dayMs : endsAt - stage * dayMs;
    const id = derivedId('notice', dueAt, sha256(JSON.stringify(about)).subarray(0, 10));
    if (sent.has(id)) return;
    const date = toInstant(endsAt).slice(0, 10);
    await notices.notify({
      id,
      to: { role: 'operator', institution: operator },
      kind: 'signing-key-ageing',
      text: `Our signing key ${kid} (${purpose}) ${endsAt > now ? 'reaches' : 'reached'} its maximum age on ${date}. ${whatToDo(purpose)}`,
      facts: { purpose, kid, ends_at: toInstant(endsAt) },
    });
    if (sent.size >= mostRemembered) sent.clear();
    sent.add(id);
  }

  /** A key that rotates by itself has its successor before this age, unless the rotation fails. */
  function isLate({ purpose, activeFrom }: ListedKey, now: number): boolean {
    return replacedByHand.has(purpose) || now - activeFrom > limits.rotateEveryDays * dayMs;
  }

  const rounds = createRounds({
    what: 'reminders of signing keys',
    async work() {
      const keys = (await Promise.all(listers.map((lister) => lister.listKeys()))).flat();
      const succeeded = new Set(keys.filter(({ state }) => state === 'published').map(({ purpose }) => purpose));
      const now = clock.now();
      for (const key of keys)
        if (key.state === 'active' && !succeeded.has(key.purpose) && isLate(key, now)) await remind(key, now);
    },
    logger,
    everyMs,
  });
  rounds.hurry();
  return rounds;
}

/** The reminder that is due, by its days before the end; undefined when none is. */
function stageAt(daysLeft: number): number | undefined {
  if (daysLeft < 0) return -repeatedEvery * Math.floor(-daysLeft / repeatedEvery);
  return stages.findLast((stage) => daysLeft <= stage);
}

function whatToDo(purpose: KeyPurpose): string {
  if (purpose === 'log-checkpoint') return 'Hand the log over to another key: countersign key rotate log-checkpoint.';
  if (replacedByHand.has(purpose))
    return `Rotate it (countersign key rotate ${purpose}) and hold a key ceremony for the new one. The authority stops issuing at the maximum age.`;
  return `Its rotation fails; the log of the server says why. At the maximum age it refuses to sign. Remove the cause, then run countersign key rotate ${purpose}.`;
}
