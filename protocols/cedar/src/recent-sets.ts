const mostKept = 4;

/** The results for the most recent policies and schemas, found by their texts. */
export class RecentSets<Found> {
  #kept: readonly { readonly policies: string; readonly schema: string; readonly set: Found }[] = [];

  find(policies: string, schema: string): Found | undefined {
    const found = this.#kept.find((each) => each.policies === policies && each.schema === schema);
    if (found !== undefined) this.#kept = [found, ...this.#kept.filter((each) => each !== found)];
    return found?.set;
  }

  /** @returns the set, frozen with all its contents, because several callers hold the same one */
  keep(policies: string, schema: string, set: Found): Found {
    const kept = { policies, schema, set: frozen(set) };
    this.#kept = [kept, ...this.#kept].slice(0, mostKept);
    return kept.set;
  }
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
