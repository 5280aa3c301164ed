import type { ResourceGuard } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { RunningAuditLog } from '../audit-log.ts';
import type { ReadingRules } from '../reading/rights.ts';
import type { ReadingTurns } from '../reading/turns.ts';

/** What the routes need by which people read evidence: who may read what, and whose turn it is. */
export interface ReadingRoutes extends ReadingRules {
  readonly auditLog: RunningAuditLog;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly turns: ReadingTurns;
  readonly clock: Clock;
  readonly random: Random;
}
