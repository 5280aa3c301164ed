import type { DepartureId, RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/**
 * Ends something a principal holds when the principal leaves or moves. The directory calls it after the change is recorded and
 * made, and repeats it until it succeeds; it must be idempotent.
 */
export interface DepartureEffect {
  /** E.g. `tokens`, `sessions`, `approvals`. */
  readonly name: string;
  /** @returns how many were ended by this call */
  end(departure: {
    readonly principal: PrincipalId;
    readonly kind: Departure['kind'];
    /** RFC 3339. Access that a returning principal was given later is not affected. */
    readonly at: string;
    readonly by: Actor;
    readonly reason: string;
  }): Promise<{ readonly ended: number }>;
}

/**
 * A principal that left, or moved to another desk or other roles. The directory changes at once; the effects are repeated until
 * all of them have succeeded.
 */
export interface Departure {
  readonly id: DepartureId;
  readonly kind: 'leave' | 'move';
  readonly principal: PrincipalId;
  /** RFC 3339. */
  readonly at: string;
  readonly recordId: RecordId;
  readonly effects: readonly {
    readonly name: string;
    readonly status: 'pending' | 'done';
    readonly ended?: number;
    readonly lastFailure?: string;
  }[];
  readonly status: 'in-progress' | 'completed';
}
