import type { AuditLog, LogEntry, PrincipalId, RecordType } from '@countersign/contracts';
import { type Clock, defined } from '@countersign/kernel';
import { selfServiceEn } from '../texts/self-service-en.ts';
import type { ActivityPage, OwnActivity, SelfServiceSources } from './sources.ts';

const pageSize = 25;
const maxFound = 1_000;
const hourMs = 3_600_000;
const minWidthMs = 1_000;
const maxAgeMs = 400 * 24 * hourMs;

const isActivityType = (type: string): type is RecordType => Object.hasOwn(selfServiceEn.activity.types, type);
/** Types that have a text. */
const types: readonly RecordType[] = Object.keys(selfServiceEn.activity.types).filter(isActivityType);

/**
 * Newest first. The log is read forwards, so the period is widened until it holds a page, and narrowed if it holds too much.
 */
export function activityFromLog(
  log: Pick<AuditLog, 'query'>,
  clock: Clock,
): NonNullable<SelfServiceSources['activityOf']> {
  return async (person, before) => {
    const now = clock.now();
    const start = cursorOf(before) ?? { until: now + hourMs, index: undefined };
    const earliest = now - maxAgeMs;
    let widthMs = 24 * hourMs;
    let narrowed = false;
    for (;;) {
      const from = Math.max(Math.floor(start.until - widthMs), earliest);
      const found = (await log.query({ person, types, from, until: start.until, limit: maxFound })).filter(
        ({ index }) => start.index === undefined || index < start.index,
      );
      if (found.length >= maxFound && widthMs > minWidthMs) {
        widthMs = Math.max(widthMs / 8, minWidthMs);
        narrowed = true;
      } else if (found.length <= pageSize && from > earliest && !narrowed) widthMs *= 6;
      else return pageOf(person, found, from > earliest ? from : undefined);
    }
  };
}

/** @param goesOnAt earlier entries were not read; milliseconds since the epoch */
function pageOf(person: PrincipalId, found: readonly LogEntry[], goesOnAt: number | undefined): ActivityPage {
  const newest = found.slice(-pageSize).reverse();
  const last = newest.at(-1);
  const next =
    found.length > pageSize && last !== undefined
      ? `${Date.parse(last.record.time) + 1}-${last.index}`
      : goesOnAt?.toString();
  return {
    entries: newest.map(({ record }) => shownOf(person, record)),
    ...defined({ next }),
  };
}

/** For acts of others that involve the person, only the type and time. */
function shownOf(person: PrincipalId, record: LogEntry['record']): OwnActivity {
  const { id, type, time, subject, reason, address, device, client } = record;
  const own = subject?.id === person;
  const name = own && type.startsWith('authenticator.') ? nameIn(record.data) : undefined;
  return {
    ...{ id, type, time },
    ...defined({ reason, client, name }),
    ...(own ? defined({ address, device }) : {}),
  };
}

function nameIn(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('name' in data)) return undefined;
  return typeof data.name === 'string' ? data.name : undefined;
}

function cursorOf(
  text: string | undefined,
): { readonly until: number; readonly index: bigint | undefined } | undefined {
  const [, until, index] = /^(\d{1,15})(?:-(\d{1,18}))?$/.exec(text ?? '') ?? [];
  if (until === undefined) return undefined;
  return { until: Number(until), index: index === undefined ? undefined : BigInt(index) };
}
