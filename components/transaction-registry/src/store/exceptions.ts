import type { TransactionException } from '@countersign/contracts';
import { type Digest, defined, type ExceptionId, type RecordId, type TransactionId } from '@countersign/kernel';
import { type Connection, type Dated, many, one } from './rows.ts';

export interface StoredException extends TransactionException {
  /** The body of the report that raised it, if any. */
  readonly bodyDigest: Digest | null;
  readonly raisedVersion: number;
  /** The requester of the step that failed; undefined for a missed deadline and for exceptions of older releases. */
  readonly raisedBy: string | null;
}

export interface ExceptionQuery {
  readonly transaction?: TransactionId | undefined;
  readonly status?: 'open' | 'resolved' | undefined;
  readonly party?: string | undefined;
  readonly owner?: string | undefined;
  readonly overdue?: boolean | undefined;
  readonly limit: number;
}

const columns = `e.id, e.cause, e.transaction_id as transaction, e.event, e.reason, e.detail, e.status, e.owner, e.due_at as "dueAt",
  e.overdue_at is not null as overdue, e.raised_at as "raisedAt", e.record_id as "recordId", e.resolution,
  e.body_digest as "bodyDigest", e.raised_version as "raisedVersion",
  e.raised_by as "raisedBy"`;

type Row = Dated<Omit<StoredException, 'resolution'>, 'dueAt' | 'raisedAt'> & {
  readonly resolution: NonNullable<TransactionException['resolution']> | null;
};

function exceptionOf({ dueAt, raisedAt, resolution, ...row }: Row): StoredException {
  return {
    ...row,
    dueAt: dueAt.toISOString(),
    raisedAt: raisedAt.toISOString(),
    ...defined({ resolution: resolution ?? undefined }),
  };
}

const allOfOne = {
  name: 'exceptions-of',
  text: `select ${columns} from exceptions e where e.transaction_id = $1 order by e.raised_at, e.id`,
};

export function exceptionReads(on: Connection) {
  return {
    /** Oldest first. */
    async exceptions({
      transaction,
      status,
      party,
      owner,
      overdue,
      limit,
    }: ExceptionQuery): Promise<readonly StoredException[]> {
      const rows = await many<Row>(
        on,
        `select ${columns} from exceptions e
      where ($1::text is null or e.transaction_id = $1) and ($2::text is null or e.status = $2)
        and ($3::text is null or exists (select from transaction_parties p where p.transaction_id = e.transaction_id and p.lei = $3))
        and ($4::text is null or e.owner = $4) and ($5::boolean is null or (e.overdue_at is not null) = $5)
      order by e.raised_at, e.id limit $6`,
        [transaction ?? null, status ?? null, party ?? null, owner ?? null, overdue ?? null, limit],
      );
      return rows.map(exceptionOf);
    },
    async exceptionsOf(id: TransactionId): Promise<readonly StoredException[]> {
      return (await many<Row>(on, allOfOne, [id])).map(exceptionOf);
    },
    async exception(id: ExceptionId): Promise<StoredException | undefined> {
      const row = await one<Row>(on, `select ${columns} from exceptions e where e.id = $1`, [id]);
      return row === undefined ? undefined : exceptionOf(row);
    },
  };
}

export function exceptionWrites(on: Connection) {
  return {
    async putException(exception: StoredException): Promise<void> {
      await many(
        on,
        `insert into exceptions (id, transaction_id, cause, event, reason, detail, status, owner, due_at, raised_at, record_id,
                             body_digest, raised_version, raised_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          exception.id,
          exception.transaction,
          exception.cause,
          exception.event,
          exception.reason,
          exception.detail,
          exception.status,
          exception.owner,
          exception.dueAt,
          exception.raisedAt,
          exception.recordId,
          exception.bodyDigest,
          exception.raisedVersion,
          exception.raisedBy,
        ],
      );
    },
    async resolveException(
      id: ExceptionId,
      resolution: NonNullable<TransactionException['resolution']>,
    ): Promise<void> {
      await many(on, `update exceptions set status = 'resolved', resolution = $2 where id = $1`, [
        id,
        JSON.stringify(resolution),
      ]);
    },
    /** An overdue exception that has not been reported yet, locked; concurrent callers skip it. */
    async takeOverdue(now: number): Promise<StoredException | undefined> {
      const row = await one<Row>(
        on,
        `select ${columns} from exceptions e
      where e.status = 'open' and e.overdue_at is null and e.due_at <= to_timestamp($1::float8 / 1000)
      order by e.due_at limit 1 for update skip locked`,
        [now],
      );
      return row === undefined ? undefined : exceptionOf(row);
    },
    async markOverdue(id: ExceptionId, at: string, recordId: RecordId): Promise<void> {
      await many(on, 'update exceptions set overdue_at = $2, overdue_record_id = $3 where id = $1', [id, at, recordId]);
    },
  };
}

export function publicException({
  bodyDigest: _bodyDigest,
  raisedVersion: _raisedVersion,
  raisedBy: _raisedBy,
  ...exception
}: StoredException): TransactionException {
  return exception;
}
