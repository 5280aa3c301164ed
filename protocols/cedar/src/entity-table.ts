import type { Entity, EntityUid } from './value.ts';

/** Entities by type and id. Two steps, because one would need a combined text to be made and hashed for every look-up. */
export class EntityTable {
  readonly #byType = new Map<string, Map<string, Entity>>();

  constructor(entities: Iterable<Entity> = []) {
    for (const entity of entities) this.add(entity);
  }

  find({ type, id }: EntityUid): Entity | undefined {
    return this.#byType.get(type)?.get(id);
  }

  add(entity: Entity): void {
    const { type, id } = entity.reference;
    let ofType = this.#byType.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#byType.set(type, ofType);
    }
    ofType.set(id, entity);
  }
}
