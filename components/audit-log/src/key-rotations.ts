import { type AuditAppender, recordIdOfCommand } from '@countersign/contracts';
import { isSameKey, type KeyHandover, keyHandoverType } from '@countersign/evidence';
import { formatVerifierKey } from '@countersign/merkle-log';
import type { Logger } from '@countersign/runtime';
import { handoverSize, isSignedBy, type KeyRotation, type LogKeys } from './log-key.ts';
import { appendOnce, idOf } from './publication/witness-alarms.ts';
import type { SealedReader } from './seals/sealed-reader.ts';
import type { LogStore } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** A log has few keys in its life. */
const maxRotations = 32;
const pageSize = 100;

/**
 * Follows the keys of the log by its records. A key is used from the record that names it, not from a time: two nodes with different clocks
 * sign every tree with the same key.
 */
export function createKeyRotations(dependencies: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  readonly reader: Pick<SealedReader, 'read'>;
  readonly append: AuditAppender['append'];
  /** The note of this size with the cosignatures of witnesses, if it was published. */
  readonly published: (size: bigint) => Promise<string | undefined>;
  readonly logger: Logger;
}) {
  const { store, tree, keys, reader, append, published, logger } = dependencies;
  let readUntil = -1n;
  let read: readonly { readonly index: bigint; readonly leaf: Buffer }[] = [];
  /** Successors for which no publication is recorded, so that each is reported once. */
  const unrecorded = new Set<string>();

  /** Reads rotations that this or another node has recorded. */
  async function readOn(): Promise<void> {
    const newest = await store.newest([keyHandoverType]);
    while (readUntil < newest) {
      const query = { transaction: undefined, types: [keyHandoverType] as const, after: readUntil, limit: pageSize };
      const entries = await store.search(query);
      const last = entries.at(-1);
      if (last === undefined) return;
      // Other processes can append this type, but not in the name of the log.
      const own = entries.filter((entry) => reader.read(entry).record.source === 'audit-log');
      const found = [...read, ...own.map(({ index, bytes }) => ({ index, leaf: bytes }))];
      keys.adopt(found);
      [read, readUntil] = [found, last.index];
    }
  }

  /** The publication of the successor is recorded with its requester; a row of the database alone changes no key. */
  async function publicationOf(kid: string) {
    const [entry] = await store.byRecordIds([recordIdOfCommand({ published: kid })]);
    const record = entry === undefined ? undefined : reader.read(entry).record;
    return record?.type === 'key.published' ? record.id : undefined;
  }

  return {
    readOn,

    /** Records the successor when the signer begins to use it. @throws what `append` throws; the old key then signs on */
    async recordDue(): Promise<void> {
      await readOn();
      const { kid, key } = await keys.wanted();
      const from = await keys.current();
      // A clock that was set back makes the signer prefer an earlier key again.
      if ((await keys.all()).some((known) => isSameKey(known, key))) return;
      const publication = await publicationOf(kid);
      if (publication === undefined || keys.rotations().length >= maxRotations) {
        if (!unrecorded.has(kid))
          logger.error({ kid }, 'a key of the log has no record of its publication and is not used');
        unrecorded.add(kid);
        return;
      }
      const [old, successor] = [formatVerifierKey(from), formatVerifierKey(key)];
      await appendOnce(append, {
        id: idOf([keyHandoverType, keys.origin, old, successor]),
        type: keyHandoverType,
        source: 'audit-log',
        outcome: 'done',
        references: [publication],
        data: { origin: keys.origin, from: old, to: successor },
      });
      await readOn();
      logger.warn({ from: old, to: successor }, 'the audit log signs with a new key: tell those who verify it');
    },

    /** Those that are signed, oldest first. */
    async handovers(until?: bigint): Promise<readonly (KeyHandover & { readonly size: bigint })[]> {
      await readOn();
      const made = await Promise.all(
        keys.rotations().map(async (rotation) => {
          const size = handoverSize(rotation);
          if (until !== undefined && size > until) return undefined;
          const signed = await signedHandover(store, rotation);
          if (signed === undefined) return undefined;
          const shown = await published(size);
          const checkpoint = shown !== undefined && isSignedByBoth(shown, rotation) ? shown : signed;
          const [proof = []] = await tree.proveInclusions([rotation.index], size);
          return {
            size,
            checkpoint,
            leaf: rotation.leaf.toString('base64url'),
            proof: proof.map((hash) => hash.toString('base64url')),
          };
        }),
      );
      return made.flatMap((handover) => handover ?? []);
    },
  };
}

export type KeyRotations = ReturnType<typeof createKeyRotations>;

/** The note of both keys. Another note of the same size may be signed by one of them alone. */
export async function signedHandover(
  store: Pick<LogStore, 'checkpoints'>,
  rotation: KeyRotation,
): Promise<string | undefined> {
  const size = handoverSize(rotation);
  const notes = await store.checkpoints(size - 1n, size);
  return notes.find(({ note }) => isSignedByBoth(note, rotation))?.note;
}

function isSignedByBoth(note: string, { from, to }: KeyRotation): boolean {
  return isSignedBy(note, from) && isSignedBy(note, to);
}
