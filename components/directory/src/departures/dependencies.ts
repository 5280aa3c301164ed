import type { AuditAppender, DepartureEffect, StandingReader } from '@countersign/contracts';
import type { Clock, Random, RecordId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';

export interface DepartureDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender & StandingReader;
  readonly logger: Logger;
  readonly newRecordId: () => RecordId;
  /** The effects in their order. A function called at each departure, so that effects can be wired later. */
  readonly effects: () => readonly DepartureEffect[];
}
