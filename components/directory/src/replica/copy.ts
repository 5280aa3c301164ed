import { type DirectoryPage, type DirectoryStream, directoryErrors, type StreamedEntity } from '@countersign/contracts';
import { type CodedError, type Digest, defined, digestOf, type RecordId } from '@countersign/kernel';
import { nameOfKey } from '../key-times.ts';
import { type StoredContents, storedContents } from '../stored-contents.ts';

/** Not yet verified. */
export interface Copy {
  readonly contents: StoredContents;
  /** New and changed entities; the others are as in the base. */
  readonly streamed: ReadonlyMap<string, StreamedEntity>;
  readonly keyTimes: ReadonlyMap<string, number>;
}

type CopyBase = Pick<Copy, 'contents' | 'keyTimes'>;

const maxRounds = 20;

interface Draft {
  readonly documents: Map<string, Digest>;
  readonly records: Map<string, RecordId>;
  readonly streamed: Map<string, StreamedEntity>;
  readonly keyTimes: Map<string, number>;
}

/**
 * Reads page by page until the copy is of one version; each pass reads the changes since the lowest version of the
 * last.
 *
 * @param base what the caller has
 *
 * @returns undefined if the source has the same version
 *
 * @throws CodedError as `changesSince`; `directory_behind` if the source is older, or changes faster than it can be
 * read
 */
export async function readCopy(
  source: DirectoryStream,
  base: CopyBase | undefined,
  waitMs: number,
): Promise<Copy | undefined> {
  let draft = draftOf(base);
  let since = base?.contents.version;
  for (let round = 0; round < maxRounds; round++) {
    const pages = await readPages(source, since, round === 0 ? waitMs : 0);
    // The copy is older than the owner's history, so start from the beginning.
    if (pages === undefined) {
      since = undefined;
      draft = draftOf(undefined, base?.keyTimes);
      continue;
    }
    const versions = pages.map(({ version }) => version);
    const lowest = Math.min(...versions);
    if (round === 0 && base !== undefined && lowest <= base.contents.version) {
      if (lowest < base.contents.version) throw behind(lowest, base.contents.version);
      return undefined;
    }
    for (const page of pages) take(page, draft);
    const { documents, records, streamed, keyTimes } = draft;
    if (Math.max(...versions) === lowest)
      return { contents: storedContents({ version: lowest, documents, records }), streamed, keyTimes };
    since = lowest;
  }
  throw changing();
}

async function readPages(
  source: DirectoryStream,
  since: number | undefined,
  waitMs: number,
): Promise<readonly DirectoryPage[] | undefined> {
  const pages: DirectoryPage[] = [];
  let after: string | undefined;
  do {
    const page: DirectoryPage = await source.changesSince({
      ...(since === undefined ? {} : { since, waitMs }),
      ...defined({ after }),
    });
    if (since !== undefined && page.whole) return undefined;
    // Bounds an owner that never finishes a reading.
    if (page.next !== undefined && after !== undefined && page.next <= after) throw changing();
    pages.push(page);
    after = page.next;
  } while (after !== undefined);
  return pages;
}

function draftOf(
  base: CopyBase | undefined,
  keyTimes: ReadonlyMap<string, number> = base?.keyTimes ?? new Map(),
): Draft {
  return {
    documents: new Map(base?.contents.documents),
    records: new Map(base?.contents.records),
    streamed: new Map(),
    keyTimes: new Map(keyTimes),
  };
}

function take({ changed, removed, records, keyTimes }: DirectoryPage, draft: Draft): void {
  for (const entity of changed) {
    const key = `${entity.kind} ${entity.id}`;
    draft.streamed.set(key, entity);
    draft.documents.set(key, digestOf(entity.document));
    if (entity.kind !== 'person') continue;
    if (entity.record === undefined) draft.records.delete(entity.id);
    else draft.records.set(entity.id, entity.record);
  }
  for (const { kind, id } of removed) {
    const key = `${kind} ${id}`;
    draft.streamed.delete(key);
    draft.documents.delete(key);
    if (kind === 'person') draft.records.delete(id);
  }
  for (const { person, record } of records) draft.records.set(person, record);
  for (const { client, thumbprint, registeredAt } of keyTimes) {
    const name = nameOfKey(client, thumbprint);
    // A known key keeps its time, so that the owner cannot make it newer.
    if (!draft.keyTimes.has(name)) draft.keyTimes.set(name, registeredAt);
  }
}

function behind(version: number, known: number): CodedError {
  return directoryErrors.error(
    'directory_behind',
    `The process of the directory is at version ${version}, and version ${known} is known here.`,
  );
}

function changing(): CodedError {
  return directoryErrors.error(
    'directory_behind',
    'The directory changed faster than it could be read. Try again when fewer changes are made.',
  );
}
