import { type AuditAppender, auditLogErrors, createContradictionReport, type Notices } from '@countersign/contracts';
import {
  type Clock,
  CodedError,
  digestOf,
  isCodedError,
  type Random,
  type RecordId,
  sha256Base64Url,
  toInstant,
} from '@countersign/kernel';
import { createRounds, type Logger, type Metrics, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { NoticeChannel } from './channels/channel.ts';
import { messageOf, requireValid } from './message.ts';
import { createNoticeStore, type TakenDelivery } from './store.ts';

export interface NoticesDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender;
  readonly rowSeal: RowSeal;
  readonly channels: readonly NoticeChannel[];
  readonly environment: 'development' | 'production';
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter'>;
  readonly everyMs?: number;
}

export interface RunningNotices extends Notices {
  sendDue(): Promise<void>;
  stop(): Promise<void>;
}

const batchSize = 16;
const leaseMs = 60_000;
/** About a day: 5 s, 10 s, 20 s and so on, up to two hours. */
const maxAttempts = 24;
const firstRetryMs = 5_000;
const maxRetryMs = 2 * 3_600_000;
/** Time during which a node with an older configuration may still send a notice. */
const goneMs = 86_400_000;
const keptMs = 30 * 86_400_000;
const sliceSize = 1_000;

/**
 * A notice is durable before {@link Notices.notify} resolves. Each channel is independent.
 *
 * @throws CodedError `configuration_unsafe` outside development without a channel
 */
export function createNotices(dependencies: NoticesDependencies): RunningNotices {
  const { pool, audit, rowSeal, clock, random, logger, environment } = dependencies;
  const channels = new Map(dependencies.channels.map((channel) => [channel.name, channel]));
  if (channels.size < dependencies.channels.length)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: '/notices/channels: two channels have the same name.',
    });
  if (channels.size === 0 && environment !== 'development')
    throw new CodedError({
      code: 'configuration_unsafe',
      category: 'invalid',
      detail: '/notices/channels: configure at least one channel, so that people are notified about their accounts.',
    });
  const names = [...channels.keys()];
  const store = createNoticeStore(pool, rowSeal, { clock, random });
  const report = createContradictionReport({ log: audit, source: 'notices', clock, random });
  const outcomes = dependencies.metrics?.counter(
    'countersign_notices_total',
    'Notices to people, by channel and outcome',
    ['channel', 'outcome'],
  );

  async function send(taken: TakenDelivery, claim: string): Promise<void> {
    const { notice, genuine, channel: name, attempts } = taken;
    const key = { notice: notice.id, channel: name, claim };
    const message = messageOf(notice);
    if (!genuine) {
      logger.error({ channel: name, notice: notice.id }, 'the row of a notice was altered; it is not sent');
      await report(`notice:${notice.id}`, digestOf(message.body), undefined);
      if (await store.settle(key, 'failed')) outcomes?.inc({ channel: name, outcome: 'failed' });
      return;
    }
    const channel = channels.get(name);
    if (channel === undefined) throw new Error(`a notice was claimed for an unknown channel: ${name}`);
    const failure = await channel.send(message).then(
      () => undefined,
      (error: unknown) => ({ error, code: isCodedError(error) ? error.code : 'fault' }),
    );
    if (failure === undefined) {
      await record(taken, message.body, undefined);
      if (await store.settle(key, 'sent')) outcomes?.inc({ channel: name, outcome: 'sent' });
      return;
    }
    if (attempts < maxAttempts) {
      logger.warn({ error: failure.error, channel: name, notice: notice.id }, 'a channel did not accept a notice');
      await store.postpone(key, clock.now() + waitAfter(attempts, random));
      return;
    }
    logger.error(
      { error: failure.error, channel: name, notice: notice.id },
      'delivery of a notice on one channel was abandoned',
    );
    await record(taken, message.body, failure.code);
    if (await store.settle(key, 'failed')) outcomes?.inc({ channel: name, outcome: 'failed' });
  }

  async function record(taken: TakenDelivery, body: string, reason: string | undefined): Promise<void> {
    const { notice, channel, attempts, recordId } = taken;
    const { to } = notice;
    await appendOnce(audit, {
      id: recordId,
      ...(reason === undefined
        ? { type: 'notice.sent' as const, outcome: 'done' as const }
        : { type: 'notice.failed' as const, outcome: 'deny' as const, reason }),
      source: 'notices',
      ...('person' in to ? { subject: { id: to.person } } : {}),
      data: {
        notice: notice.id,
        kind: notice.kind,
        channel,
        ...('role' in to ? { to_role: to.role, to_institution: to.institution } : {}),
        attempts,
        message_sha256: sha256Base64Url(body),
      },
    });
  }

  /** Gives up notices for channels that are no longer configured, and records it. */
  async function abandonRemovedChannels(): Promise<void> {
    const claim = Buffer.from(random.bytes(16)).toString('base64url');
    const now = clock.now();
    const gone = {
      channels: names,
      of: 'others',
      claim,
      now,
      notifiedBefore: now - goneMs,
      leaseMs,
      limit: sliceSize,
    } as const;
    for (const taken of await store.take(gone)) {
      const { notice, channel } = taken;
      logger.error(
        { channel, notice: notice.id },
        'delivery of a notice was abandoned: its channel is no longer configured',
      );
      await record(taken, messageOf(notice).body, 'notice_channel_gone');
      if (await store.settle({ notice: notice.id, channel, claim }, 'failed'))
        outcomes?.inc({ channel, outcome: 'failed' });
    }
  }

  async function sendDue(): Promise<void> {
    await abandonRemovedChannels();
    await store.removeBefore(clock.now() - keptMs, sliceSize);
    if (names.length === 0) return;
    for (;;) {
      const claim = Buffer.from(random.bytes(16)).toString('base64url');
      const taken = await store.take({
        channels: names,
        of: 'these',
        claim,
        now: clock.now(),
        leaseMs,
        limit: batchSize,
      });
      const settled = await Promise.allSettled(taken.map((each) => send(each, claim)));
      const failed = settled.find(({ status }) => status === 'rejected');
      // If the outcome could not be recorded, the notice is sent again when its lease expires.
      if (failed?.status === 'rejected') throw failed.reason;
      if (taken.length < batchSize) return;
    }
  }

  const rounds = createRounds({ what: 'notices', work: sendDue, logger, everyMs: dependencies.everyMs ?? 2_000 });
  return {
    async notify(notice) {
      requireValid(notice);
      const { id, to, kind, text, facts = {} } = notice;
      const stored = { id, kind, text, facts, notifiedAt: toInstant(clock.now()) };
      await store.put({ ...stored, to: typeof to === 'string' ? { person: to } : to }, names);
      rounds.hurry();
    },
    sendDue: rounds.run,
    stop: rounds.stop,
  };
}

/** Doubles with each attempt, with a random fifth, so that a recovering receiver is not overrun. */
function waitAfter(attempts: number, random: Random): number {
  const wait = Math.min(firstRetryMs * 2 ** Math.min(attempts - 1, 20), maxRetryMs);
  const [byte = 0] = random.bytes(1);
  return Math.round(wait * (0.8 + (0.2 * byte) / 255));
}

/**
 * The id was chosen with the delivery. If a crashed node recorded it, perhaps with another number of attempts, that
 * record stays.
 */
async function appendOnce(audit: AuditAppender, draft: Parameters<AuditAppender['append']>[0]): Promise<RecordId> {
  try {
    await audit.append(draft);
  } catch (error) {
    if (!auditLogErrors.is(error, 'record_identity_taken')) throw error;
  }
  return draft.id;
}
