import type { DepartureId, RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/**
 * What a part of the system ends when a principal leaves or moves. Called after the directory has recorded and made
 * the change, and called again until it has succeeded: ending twice is ending once.
 */
export interface DepartureEffect {
  /** E.g. `tokens`, `sessions`, `approvals`. */
  readonly name: string;
  /** @returns how many were ended by this call */
  end(departure: {
    readonly principal: PrincipalId;
    readonly kind: Departure['kind'];
    /** RFC 3339: what the principal was given after it, having come back, is not this departure's. */
    readonly at: string;
    readonly by: Actor;
    readonly reason: string;
  }): Promise<{ readonly ended: number }>;
}

/**
 * A principal that left, or moved to another desk or other roles: one step, at once in the directory, and carried
 * through everything it held, whatever fails in between.
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
