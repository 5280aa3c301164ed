import { type NoticeKind, noticeKinds } from '@countersign/contracts';
import { type NoticeId, newId, parseId, type RecordId, toInstant } from '@countersign/kernel';
import { ask, type RowSeal, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { messageOf, type StoredNotice } from './message.ts';

export interface TakenDelivery {
  readonly notice: StoredNotice;
  readonly genuine: boolean;
  readonly channel: string;
  readonly attempts: number;
  readonly recordId: RecordId;
}

interface Row {
  readonly id: string;
  readonly to_person: string | null;
  readonly to_role: string | null;
  readonly to_institution: string | null;
  readonly kind: string;
  readonly content: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly notified_at: Date;
  readonly seal: Buffer | null;
  readonly channel: string;
  readonly attempts: number;
  readonly record_id: string;
}

type From = Parameters<typeof newId>[1];
type Key = { readonly notice: NoticeId; readonly channel: string; readonly claim: string };

/** The outbox. @throws CodedError `database_unavailable` */
export function createNoticeStore(pool: pg.Pool, rowSeal: RowSeal, from: From) {
  return {
    /** Once for each id. */
    async put(notice: StoredNotice, channels: readonly string[]): Promise<void> {
      await transaction(pool, async (client) => {
        const { to } = notice;
        const { rowCount } = await client.query(
          `insert into notices (id, to_person, to_role, to_institution, kind, content, facts, notified_at, seal)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing`,
          [
            notice.id,
            'person' in to ? to.person : null,
            'role' in to ? to.role : null,
            'role' in to ? to.institution : null,
            notice.kind,
            notice.text,
            JSON.stringify(notice.facts),
            notice.notifiedAt,
            rowSeal.seal(nameOf(notice), messageOf(notice).body),
          ],
        );
        if (rowCount === 0) return;
        await client.query(
          `insert into deliveries (notice, channel, next_attempt, record_id)
           select $1, channel, $2, record_id from unnest($3::text[], $4::text[]) as each (channel, record_id)`,
          [notice.id, notice.notifiedAt, channels, channels.map(() => newId('record', from))],
        );
      });
    },

    /**
     * Claims due deliveries for `leaseMs`; after a crash another node claims them.
     *
     * @param taking.of these channels, or all others, which are no longer configured
     */
    async take(taking: {
      readonly channels: readonly string[];
      readonly of: 'these' | 'others';
      readonly claim: string;
      /** Milliseconds since the epoch, like `notifiedBefore`. */
      readonly now: number;
      readonly notifiedBefore?: number;
      readonly leaseMs: number;
      readonly limit: number;
    }): Promise<readonly TakenDelivery[]> {
      const { channels, of, claim, now, notifiedBefore = now, leaseMs, limit } = taking;
      const { rows } = await ask<Row>(
        pool,
        `with taken as (
           update deliveries set claim = $1, attempts = attempts + 1, next_attempt = $3
            where (notice, channel) in (
              select notice, channel from deliveries
               where status = 'pending' and next_attempt <= $2 and (channel = any($4)) = $6
                 and exists (select from notices where id = notice and notified_at <= $7)
               order by next_attempt limit $5 for update skip locked)
           returning notice, channel, attempts, record_id)
         select notices.id, to_person, to_role, to_institution, kind, content, facts, notified_at, seal, channel, attempts, record_id
           from taken join notices on notices.id = taken.notice`,
        [claim, new Date(now), new Date(now + leaseMs), channels, limit, of === 'these', new Date(notifiedBefore)],
      );
      return rows.map((row) => takenOf(row, rowSeal));
    },

    /** @returns whether the claim was still valid */
    async settle({ notice, channel, claim }: Key, status: 'sent' | 'failed'): Promise<boolean> {
      const { rowCount } = await ask(
        pool,
        `update deliveries set status = $4, claim = null
          where notice = $1 and channel = $2 and claim = $3 and status = 'pending'`,
        [notice, channel, claim, status],
      );
      return rowCount === 1;
    },

    async postpone({ notice, channel, claim }: Key, until: number): Promise<void> {
      await ask(
        pool,
        `update deliveries set next_attempt = $4, claim = null
          where notice = $1 and channel = $2 and claim = $3 and status = 'pending'`,
        [notice, channel, claim, new Date(until)],
      );
    },

    /** @returns how many */
    async removeBefore(before: number, limit: number): Promise<number> {
      const { rowCount } = await ask(
        pool,
        'delete from notices where id in (select id from notices where notified_at < $1 limit $2)',
        [new Date(before), limit],
      );
      return rowCount ?? 0;
    },
  };
}

export type NoticeStore = ReturnType<typeof createNoticeStore>;

const nameOf = ({ id }: StoredNotice): string => `notice:${id}`;

function takenOf(row: Row, rowSeal: RowSeal): TakenDelivery {
  const id = parseId('notice', row.id);
  const recordId = parseId('record', row.record_id);
  const kind = noticeKinds.find((known): known is NoticeKind => known === row.kind);
  if (id === undefined || recordId === undefined || kind === undefined)
    throw new Error(`a stored notice cannot be read: ${row.id}`);
  const to =
    row.to_person === null
      ? { role: row.to_role ?? '', institution: row.to_institution ?? '' }
      : { person: row.to_person };
  const notice = {
    id,
    kind,
    to,
    text: row.content,
    facts: row.facts,
    notifiedAt: toInstant(row.notified_at.getTime()),
  };
  const genuine = rowSeal.holds(nameOf(notice), messageOf(notice).body, row.seal);
  return { notice, genuine, channel: row.channel, attempts: row.attempts, recordId };
}
