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
 * Reminds the operator's people before a key that does not rotate by itself reaches its maximum age, and every month
 * afterwards, until it has a successor. Any number of nodes may run it; each reminder is sent once.
 *
 * @param options.listers of every process that has keys
 * @param options.replaceAfterDays the maximum age, from the first possible signature
 * @param options.operator LEI
 */
export function createKeyAgeReminders({
  listers,
  notices,
  clock,
  logger,
  replaceAfterDays,
  operator,
}: {
  readonly listers: readonly KeyLister[];
  readonly notices: Notices;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly replaceAfterDays: number;
  readonly operator: string;
}): KeyAgeReminders {
  const sent = new Set<NoticeId>();

  async function remind({ purpose, kid, activeFrom }: ListedKey, now: number): Promise<void> {
    const endsAt = activeFrom + replaceAfterDays * dayMs;
    const stage = stageAt((endsAt - now) / dayMs);
    if (stage === undefined) return;
    const about = ['signing-key-ageing', purpose, kid, String(endsAt), String(stage)];
    const id = derivedId('notice', endsAt - stage * dayMs, sha256(JSON.stringify(about)).subarray(0, 10));
    if (sent.has(id)) return;
    const date = toInstant(endsAt).slice(0, 10);
    await notices.notify({
      id,
      to: { role: 'operator', institution: operator },
      kind: 'signing-key-ageing',
      text: `Our signing key ${kid} (${purpose}) ${stage > 0 ? `reaches its maximum age on ${date}` : `reached its maximum age on ${date}`}. ${whatToDo(purpose)}`,
      facts: { purpose, kid, ends_at: toInstant(endsAt) },
    });
    if (sent.size >= mostRemembered) sent.clear();
    sent.add(id);
  }

  const rounds = createRounds({
    what: 'reminders of signing keys',
    async work() {
      const keys = (await Promise.all(listers.map((lister) => lister.listKeys()))).flat();
      const succeeded = new Set(keys.filter(({ state }) => state === 'published').map(({ purpose }) => purpose));
      const now = clock.now();
      for (const key of keys)
        if (replacedByHand.has(key.purpose) && key.state === 'active' && !succeeded.has(key.purpose))
          await remind(key, now);
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
  return purpose === 'log-checkpoint'
    ? 'Hand the log over to another key: countersign key rotate log-checkpoint.'
    : `Rotate it (countersign key rotate ${purpose}) and hold a key ceremony for the new one. The authority stops issuing at the maximum age.`;
}
