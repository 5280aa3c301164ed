import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { type Checkpoint, type VerifierKey, verifyConsistency } from '@countersign/merkle-log';
import { available } from './availability.ts';
import { keyIdText, type LogKeys } from './log-key.ts';
import type { RightEdge } from './right-edge.ts';
import type { LogStore, StoredCheckpoint } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

export interface SignedCheckpoint {
  readonly size: bigint;
  readonly root: Buffer;
  readonly note: string;
  readonly key: VerifierKey;
}

/**
 * Signs tree heads. What was signed once binds: a new head is signed only when it is at least as large as the last
 * one and provably extends it, so that a database restored from an old backup, or tampered with, cannot make the
 * log contradict itself. It stops signing instead.
 */
export function createCheckpointer({
  store,
  tree,
  keys,
  edge,
}: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  /** The right edge in memory, where there is one: a root from it need not trust the rows. */
  readonly edge: () => RightEdge | undefined;
}) {
  let last: SignedCheckpoint | undefined;
  let running: Promise<SignedCheckpoint> | undefined;
  let next: Promise<SignedCheckpoint> | undefined;

  /** What binds: the newest head in the database, which must not be older than the newest we have seen there. */
  async function lastSigned(): Promise<
    { readonly head: Checkpoint; readonly stored: readonly StoredCheckpoint[] } | undefined
  > {
    const stored = await store.newestCheckpoints();
    const [newest] = stored;
    if (newest === undefined || (last !== undefined && newest.size < last.size)) {
      if (last === undefined) return undefined;
      throw inconsistent(`the checkpoint of ${last.size} records that it signed is gone`);
    }
    // Of notes by several keys one suffices; all are on the same size.
    const head = await openFirst(stored);
    if (head.size !== newest.size)
      throw inconsistent(`the note stored as checkpoint of ${newest.size} records is another one`);
    if (last !== undefined && last.size === head.size && !last.root.equals(head.root))
      throw inconsistent(`its checkpoint of ${last.size} records was exchanged`);
    return { head, stored };
  }

  async function openFirst(stored: readonly StoredCheckpoint[]): Promise<Checkpoint> {
    let refusal: unknown;
    for (const { note } of stored) {
      try {
        return await keys.open(note);
      } catch (error) {
        if (!isCodedError(error, 'checkpoint_unknown')) throw error;
        refusal = error;
      }
    }
    throw inconsistent('the newest stored checkpoint is not signed by a key this log holds', refusal);
  }

  async function rootOf(size: bigint): Promise<Buffer> {
    const known = edge();
    return known?.size === size ? known.root() : tree.rootAt(size);
  }

  async function extendsLast(head: Checkpoint, to: { readonly size: bigint; readonly root: Buffer }): Promise<boolean> {
    if (head.size === 0n) return true;
    if (head.size > to.size) return false;
    const proof = await tree.proveConsistency(head.size, to.size);
    return verifyConsistency({ from: head.size, to: to.size, fromRoot: head.root, toRoot: to.root, proof }).ok;
  }

  async function cover(): Promise<SignedCheckpoint> {
    // In this order: between the two the log may grow, and what was signed is always covered.
    const signed = await lastSigned();
    const size = await store.size();
    if (signed !== undefined && signed.head.size > size)
      throw inconsistent(`it holds ${size} records and has signed a checkpoint of ${signed.head.size}`);
    const root = await rootOf(size);
    if (signed !== undefined && !(await extendsLast(signed.head, { size, root })))
      throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
    const current = await keys.current();
    const again =
      signed?.head.size === size ? signed.stored.find(({ keyId }) => keyId === keyIdText(current)) : undefined;
    if (again !== undefined) {
      last = { size, root, note: again.note, key: current };
      return last;
    }
    const { note, key } = await keys.sign({ size, root });
    // Stored before it is shown. Where another node was faster its note is as good: the consistency was checked there too.
    if (await store.insertCheckpoint({ size, keyId: keyIdText(key), note })) last = { size, root, note, key };
    else last = await stored({ size, root, key });
    return last;
  }

  async function stored({ size, root, key }: Omit<SignedCheckpoint, 'note'>): Promise<SignedCheckpoint> {
    const others = await store.checkpoints(size - 1n, size);
    const note = others.find(({ keyId }) => keyId === keyIdText(key))?.note;
    if (note === undefined || Buffer.compare((await keys.open(note)).root, root) !== 0)
      throw inconsistent(`it has signed another tree of ${size} records`);
    return { size, root, note, key };
  }

  function begin(): Promise<SignedCheckpoint> {
    const signing = available(cover).finally(() => {
      if (running === signing) running = undefined;
    });
    running = signing;
    return signing;
  }

  return {
    /**
     * A checkpoint that covers every record appended before the call. Callers that come while one is being signed
     * share the one after it.
     *
     * @throws CodedError `log_unavailable`, `log_inconsistent`
     */
    sign(): Promise<SignedCheckpoint> {
      if (running === undefined) return begin();
      next ??= running
        .then(
          () => undefined,
          () => undefined,
        )
        .then(() => {
          next = undefined;
          return begin();
        });
      return next;
    },

    /** The newest checkpoint this process has signed or shown. */
    newest: () => last,

    /**
     * Whether the rows extend the last signed checkpoint.
     *
     * @throws CodedError `log_inconsistent` with what is wrong
     */
    async check(): Promise<void> {
      const signed = await lastSigned();
      if (signed === undefined) return;
      const size = await store.size();
      if (signed.head.size > size)
        throw inconsistent(`it holds ${size} records and has signed a checkpoint of ${signed.head.size}`);
      if (!(await extendsLast(signed.head, { size, root: await tree.rootAt(size) })))
        throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
    },
  };
}

export type Checkpointer = ReturnType<typeof createCheckpointer>;

function inconsistent(what: string, cause?: unknown): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `The audit log contradicts what it signed: ${what}. Nothing more is signed; restore the database it belongs to.`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
