import { type EntityReference, isSameEntity } from './value.ts';

/** Ancestors up to which looking through them is quicker than making a key. */
const few = 8;

export class Ancestors {
  readonly references: readonly EntityReference[];
  readonly #keys: ReadonlySet<string> | undefined;

  /** @param references each once */
  constructor(references: readonly EntityReference[]) {
    this.references = references;
    this.#keys = references.length > few ? new Set(references.map(({ key }) => key)) : undefined;
  }

  has(reference: EntityReference): boolean {
    if (this.#keys !== undefined) return this.#keys.has(reference.key);
    const { references } = this;
    for (let position = 0; position < references.length; position++) {
      const each = references[position];
      if (each !== undefined && isSameEntity(each, reference)) return true;
    }
    return false;
  }
}

export const noAncestors = new Ancestors([]);
