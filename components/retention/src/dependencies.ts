import type {
  Requester as AnyRequester,
  AuditAppender,
  AuditLog,
  Independence,
  LogCustody,
  ProposerStanding,
  StandingReader,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';

export interface RetentionDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader;
  readonly log: Pick<AuditLog, 'search' | 'query'>;
  readonly custody: LogCustody;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often pending work is resumed, in milliseconds; 30,000 by default. */
  readonly everyMs?: number;
}

export interface Requester extends AnyRequester {
  readonly client?: string;
}
