import type { AuditLog, Directory, Independence, ProposerStanding } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';

export interface HaltDependencies {
  readonly pool: pg.Pool;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'search'>;
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  /** LEI of the operator, whose halts apply to everybody. */
  readonly operator: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
