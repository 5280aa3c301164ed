import type { EntitySnapshot } from './entity-snapshot.ts';
import { type Entity, type EntityReference, isSameEntity, type RecordValue, type Value } from './value.ts';

export interface Frame {
  readonly principal: EntityReference;
  readonly action: EntityReference;
  readonly resource: EntityReference;
  readonly context: RecordValue;
  readonly entities: EntitySnapshot;
  /** The schema's actions: see `createActionSnapshot`. */
  readonly actions: EntitySnapshot;
  // The three that nearly every policy asks for, looked up once.
  readonly principalEntity: Entity | undefined;
  readonly actionEntity: Entity | undefined;
  readonly resourceEntity: Entity | undefined;
}

/** A compiled expression. It throws a PolicyFault where Cedar reports an error. */
export type Code = (frame: Frame) => Value;

export function entityOf(frame: Frame, reference: EntityReference): Entity | undefined {
  if (reference === frame.principal) return frame.principalEntity;
  if (reference === frame.resource) return frame.resourceEntity;
  if (reference === frame.action) return frame.actionEntity;
  return frame.entities.resolve(reference) ?? frame.actions.find(reference);
}

/** Cedar's `in` for one entity: itself or an ancestor. An entity that does not exist has no ancestors. */
export function isIn(frame: Frame, entity: EntityReference, ancestor: EntityReference): boolean {
  return isSameEntity(entity, ancestor) || entityOf(frame, entity)?.ancestors.has(ancestor) === true;
}
