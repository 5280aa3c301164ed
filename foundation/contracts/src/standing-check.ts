import { type Clock, type Digest, defined, digestOf, type Json, newId, type Random } from '@countersign/kernel';
import type { AuditAppender, RecordDraft } from './audit-log.ts';
import { type StandingReader, type StandingRecord, standingErrors } from './standing.ts';

/** A row whose authority must be proven by the log. */
export interface Claim {
  readonly of: string;
  /** Exactly the content that was passed to {@link standing}. */
  readonly content: Json;
}

/** Compares rows with the log. A row that differs is ignored, and the difference is recorded once. */
export interface StandingCheck {
  /** Whether the newest record about the thing has the same content as the row. @throws CodedError `log_unavailable` */
  holds(claim: Claim): Promise<boolean>;
  /** The claims that the log confirms, in the given order. @throws CodedError `log_unavailable` */
  holding<One extends Claim>(claims: readonly One[]): Promise<readonly One[]>;
  /**
   * The things that have not ended by their newest record, whatever their rows say: for facts that must survive the loss of
   * their row, such as a lock. @throws CodedError `log_unavailable`
   */
  standing(things: readonly string[]): Promise<ReadonlySet<string>>;
  /** @throws CodedError `authority_unproven` when the log does not confirm the claim; `log_unavailable` */
  require(claim: Claim): Promise<StandingRecord>;
}

/** How many recorded differences are remembered. */
const maxReported = 1_000;
const maxAtOnce = 1_000;

interface ReportDependencies<Log> {
  readonly log: Log;
  /** The component whose rows are checked. */
  readonly source: RecordDraft['source'];
  readonly clock: Clock;
  readonly random: Random;
}

/** Records that a row contradicts its newest record, once for each difference. */
export type ContradictionReport = (of: string, found: Digest, newest: StandingRecord | undefined) => Promise<void>;

/** For components that compare rows themselves; others use {@link createStandingCheck}. */
export function createContradictionReport({
  log,
  source,
  clock,
  random,
}: ReportDependencies<AuditAppender>): ContradictionReport {
  const reported = new Set<string>();
  return async (of, found, newest) => {
    const difference = `${of}\n${found}\n${newest?.record ?? ''}`;
    if (reported.has(difference)) return;
    await log.append({
      id: newId('record', { clock, random }),
      type: 'row.rejected',
      source,
      outcome: 'deny',
      reason: 'authority_unproven',
      ...defined({ references: newest && [newest.record] }),
      data: { of, found, ...defined({ recorded: newest?.digest }) },
    });
    if (reported.size >= maxReported) reported.clear();
    reported.add(difference);
  };
}

export function createStandingCheck(dependencies: ReportDependencies<AuditAppender & StandingReader>): StandingCheck {
  const { log } = dependencies;
  const report = createContradictionReport(dependencies);

  async function proofs(claims: readonly Claim[]): Promise<readonly (StandingRecord | undefined)[]> {
    const proven: (StandingRecord | undefined)[] = [];
    for (let start = 0; start < claims.length; start += maxAtOnce) {
      const page = claims.slice(start, start + maxAtOnce);
      const newest = await log.standings([...new Set(page.map(({ of }) => of))]);
      for (const { of, content } of page) {
        const recorded = newest.get(of);
        const found = digestOf(content);
        if (recorded?.digest === found) proven.push(recorded);
        else {
          await report(of, found, recorded);
          proven.push(undefined);
        }
      }
    }
    return proven;
  }

  return {
    async holds(claim) {
      const [proof] = await proofs([claim]);
      return proof !== undefined;
    },
    async holding(claims) {
      const proven = await proofs(claims);
      return claims.filter((_, place) => proven[place] !== undefined);
    },
    async standing(things) {
      const newest = await log.standings(things);
      return new Set(things.filter((of) => newest.get(of)?.digest !== undefined));
    },
    async require(claim) {
      const [proof] = await proofs([claim]);
      if (proof !== undefined) return proof;
      throw standingErrors.error(
        'authority_unproven',
        'What is stored about this differs from its newest record in the audit log, so it cannot be relied on. Repeat the step that ' +
          'set it; if that does not help, ask the operator to compare the records of type row.rejected.',
      );
    },
  };
}
