import type { EntityInput, EntitySnapshot, EntityUid } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';

/**
 * A question as the policies see it. Live decisions, the tests of a bundle, simulation, replay and search all put
 * their questions in this form, and nothing else reaches the policies.
 */
export interface Question {
  readonly principal: EntityUid;
  /** Name of the action, e.g. `order:create`. */
  readonly action: string;
  readonly resource: EntityUid;
  /** Cedar's JSON form. */
  readonly context: Readonly<Record<string, Json>>;
  /** Entities of this question alone: the resource, and what is read from the intent with it. */
  readonly local: readonly EntityInput[];
  /** Those everybody shares: the directory, and the reference data of the bundle. */
  readonly shared: EntitySnapshot;
}
