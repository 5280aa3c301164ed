import { type Actor, type DirectorySnapshot, policyErrors } from '@countersign/contracts';
import { memoised } from '../memoised.ts';

/** Ids of one kind, ascending (UTF-16 code units). */
export type SortedIds = readonly string[];

/** The ids in the directory that a caller may find: those of its own institution, or all for the operator. */
export interface Visible {
  subjects(type: string): SortedIds;
  /** @throws CodedError `search_not_supported` */
  resources(type: string): SortedIds;
}

const none: SortedIds = [];
/** @param operator LEI of the institution that runs the installation */
export function visibleTo(caller: Actor, directory: DirectorySnapshot, operator: string | undefined): Visible {
  const institution = caller.institution ?? '';
  const everything = operator !== undefined && institution === operator;
  const of = (ids: ByInstitution | undefined) => (everything ? ids?.all() : ids?.of(institution)) ?? none;
  return {
    // An unknown type gives an empty result, not an error.
    subjects: (type) => of(indexOf(directory).principals.get(type)),
    resources(type) {
      if (type === 'transaction')
        throw policyErrors.error(
          'search_not_supported',
          'Transactions cannot be searched. Evaluate one transaction, or search for its subjects or actions.',
        );
      return type === 'resource' ? of(indexOf(directory).resources) : none;
    },
  };
}

/** The position of the first id greater than `id`. */
export function positionAfter(ids: SortedIds, id: string | undefined): number {
  if (id === undefined) return 0;
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = ids[middle];
    if (there !== undefined && there <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Built on the first search of a version of the directory. */
const indexOf = memoised((directory: DirectorySnapshot) => {
  const principals = new Map<string, ByInstitution>();
  for (const { kind, id, institution } of directory.principals()) {
    let ids = principals.get(kind);
    if (ids === undefined) {
      ids = new ByInstitution();
      principals.set(kind, ids);
    }
    ids.add(institution, id);
  }
  const resources = new ByInstitution();
  for (const { uri, institution } of directory.resources()) resources.add(institution, uri);
  return { principals, resources };
});

/** Ids by institution; each list is sorted on first use. */
class ByInstitution {
  readonly #unsorted = new Map<string, string[]>();
  readonly #sorted = new Map<string, SortedIds>();
  #all: SortedIds | undefined;

  add(institution: string, id: string): void {
    const ids = this.#unsorted.get(institution);
    if (ids === undefined) this.#unsorted.set(institution, [id]);
    else ids.push(id);
  }

  of(institution: string): SortedIds {
    let ids = this.#sorted.get(institution);
    if (ids === undefined) {
      ids = this.#unsorted.get(institution)?.sort() ?? none;
      this.#sorted.set(institution, ids);
    }
    return ids;
  }

  all(): SortedIds {
    this.#all ??= [...this.#unsorted.values()].flat().sort();
    return this.#all;
  }
}
