import {
  type Actor,
  type AuditAppender,
  accessErrors,
  auditLogErrors,
  type EvidenceQuery,
  type LogEntry,
  type RecordDraft,
} from '@countersign/contracts';
import {
  type Clock,
  type Json,
  membersOf,
  newId,
  plainJson,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import type { OpenedValue } from '../protection/protection.ts';
import { type DisclosedRecord, disclose } from './disclose.ts';
import { mayBeShown, type ReadingRules, readable } from './rights.ts';
import type { ReadingTurns } from './turns.ts';

export interface DisclosureAsked {
  readonly paths: '*' | ReadonlySet<string>;
  /** Free text, for later review. */
  readonly purpose: string;
}

export interface EvidenceReader {
  readonly actor: Actor & { readonly institution: string };
  readonly actors: readonly Actor[];
  readonly client: string;
  readonly scope: readonly string[];
  readonly address?: string;
  readonly zone?: string;
}

export interface ReadRecords {
  readonly records: readonly (DisclosedRecord & { readonly index: bigint })[];
  readonly next: bigint | undefined;
  readonly evidence: RecordId;
}

export interface ReadingDependencies extends ReadingRules {
  readonly auditLog: AuditAppender & {
    /** Without restricted values. */
    queryLeaves(query: EvidenceQuery): Promise<readonly LogEntry[]>;
    protectedValues(records: readonly LogEntry['record'][]): Promise<readonly (readonly OpenedValue[])[]>;
  };
  readonly turns: ReadingTurns;
  readonly clock: Clock;
  readonly random: Random;
}

/** Limit for readers who may not see every record. */
const maxExamined = 5_000;
const pageSize = 1_000;

export type Reading = (
  query: EvidenceQuery & { readonly limit: number },
  by: EvidenceReader,
  asked?: DisclosureAsked,
) => Promise<ReadRecords>;

/**
 * Reads the requested records and restricted values that a person may see. Reader, scope and purpose are recorded
 * first. @throws CodedError `insufficient_scope` without `audit:disclose`; `purpose_missing`; `overloaded`; as
 * `AuditLog.query`
 */
export function createReading(dependencies: ReadingDependencies): Reading {
  const { auditLog, turns, clock, random } = dependencies;

  async function find(query: Parameters<Reading>[0], { actor }: EvidenceReader) {
    const found: LogEntry[] = [];
    let after = query.after;
    for (let seen = 0; seen < maxExamined; ) {
      const limit = actor.institution === dependencies.operator ? query.limit - found.length : pageSize;
      const page = await auditLog.queryLeaves({ ...query, limit, ...(after === undefined ? {} : { after }) });
      const may = await readable(
        page.map(({ record }) => record),
        actor,
        dependencies,
      );
      for (const [place, entry] of page.entries()) {
        after = entry.index;
        if (may[place] !== true) continue;
        found.push(entry);
        if (found.length === query.limit) return { found, next: after };
      }
      if (page.length < limit) return { found, next: undefined };
      seen += page.length;
    }
    return { found, next: after };
  }

  async function read(
    query: Parameters<Reading>[0],
    by: EvidenceReader,
    asked: DisclosureAsked | undefined,
  ): Promise<ReadRecords> {
    const { found, next } = await find(query, by);
    const opened = await auditLog.protectedValues(found.map(({ record }) => record));
    const records = found.map(({ index, record }, place) => ({
      index,
      ...disclose(
        record,
        opened[place] ?? [],
        (value) =>
          asked !== undefined &&
          (asked.paths === '*' || asked.paths.has(value.path)) &&
          mayBeShown({ ...value, kind: value.commitment.kind }, record, by.actor, dependencies),
      ),
    }));
    const evidence = newId('record', { clock, random });
    await auditLog.append(readingRecord(evidence, { query, by, asked, records }));
    return { records, next, evidence };
  }

  return async (query, by, asked) => {
    if (asked !== undefined) checkDisclosure(asked, by);
    return turns.take(by.actor.institution, () => read(query, by, asked));
  };
}

function checkDisclosure({ purpose }: DisclosureAsked, { scope }: EvidenceReader): void {
  if (!scope.includes('audit:disclose'))
    throw accessErrors.error('insufficient_scope', 'Protected values require the scope audit:disclose.');
  if (purpose.trim() === '')
    throw auditLogErrors.error('purpose_missing', 'State in purpose what the protected values are needed for.');
}

export function readingRecord(
  id: RecordId,
  {
    query,
    by,
    asked,
    records,
  }: {
    readonly query: EvidenceQuery;
    readonly by: EvidenceReader;
    readonly asked?: DisclosureAsked | undefined;
    readonly records: readonly (Pick<DisclosedRecord, 'disclosures'> & { readonly index: bigint })[];
  },
): RecordDraft {
  const disclosed = [...new Set(records.flatMap(({ disclosures }) => disclosures.map(({ path }) => path)))].sort();
  return {
    id,
    type: 'evidence.read',
    source: 'audit-log',
    outcome: 'done',
    subject: by.actor,
    ...(by.actors.length === 0 ? {} : { actors: by.actors }),
    client: by.client,
    scope: by.scope,
    ...(by.address === undefined ? {} : { address: by.address }),
    ...(by.zone === undefined ? {} : { zone: by.zone }),
    data: {
      query: queryJson(query),
      ...(asked === undefined
        ? {}
        : { asked: asked.paths === '*' ? '*' : [...asked.paths].sort(), purpose: asked.purpose, disclosed }),
      records: records.length,
      places: stretchesOf(records.map(({ index }) => index)),
    },
  };
}

function queryJson({ from, until, after, ...query }: EvidenceQuery): Json {
  return {
    ...membersOf(plainJson(query)),
    ...(from === undefined ? {} : { from: toInstant(from) }),
    ...(until === undefined ? {} : { until: toInstant(until) }),
    ...(after === undefined ? {} : { after: after.toString() }),
  };
}

/** Both ends included. */
function stretchesOf(places: readonly bigint[]): readonly (readonly [string, string])[] {
  const stretches: [bigint, bigint][] = [];
  for (const place of places) {
    const last = stretches.at(-1);
    if (last !== undefined && last[1] + 1n === place) last[1] = place;
    else stretches.push([place, place]);
  }
  return stretches.map(([first, last]) => [first.toString(), last.toString()]);
}
