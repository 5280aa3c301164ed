import { type Actor, type DirectorySnapshot, policyErrors } from '@countersign/contracts';

/** Ids of one kind, ascending (UTF-16 code units). */
export type SortedIds = readonly string[];

/** What of the directory a caller may find: of its own institution, or, when that is the operator, of every one. */
export interface Visible {
  subjects(type: string): SortedIds;
  /** @throws CodedError `search_not_supported` */
  resources(type: string): SortedIds;
}

interface Index {
  /** By kind. */
  readonly principals: ReadonlyMap<string, ByInstitution>;
  readonly resources: ByInstitution;
}

const none: SortedIds = [];
/** Sorting is for the first who searches a version of the directory; then it is there for as long as the version. */
const indexes = new WeakMap<DirectorySnapshot, Index>();

/** @param operator LEI of the institution that runs the installation */
export function visibleTo(caller: Actor, directory: DirectorySnapshot, operator: string | undefined): Visible {
  const institution = caller.institution ?? '';
  const everything = operator !== undefined && institution === operator;
  const of = (ids: ByInstitution | undefined) => (everything ? ids?.all() : ids?.of(institution)) ?? none;
  return {
    // A type that nobody has heard of has no subjects: an empty answer, not an error.
    subjects: (type) => of(indexOf(directory).principals.get(type)),
    resources(type) {
      if (type === 'transaction')
        throw policyErrors.error(
          'search_not_supported',
          'Transactions are not searched: ask about one, or search for the subjects or the actions of one.',
        );
      return type === 'resource' ? of(indexOf(directory).resources) : none;
    },
  };
}

/** Where the ids begin that are greater than `id`. */
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

function indexOf(directory: DirectorySnapshot): Index {
  let index = indexes.get(directory);
  if (index === undefined) {
    index = buildIndex(directory);
    indexes.set(directory, index);
  }
  return index;
}

function buildIndex(directory: DirectorySnapshot): Index {
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
}

/** Ids by the institution they are of; a list is sorted when it is first asked for. */
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
