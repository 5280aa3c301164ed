import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { verifyConsistency } from '@countersign/merkle-log';
import { available, logUnavailable } from './availability.ts';
import { keyIdText, type LogKeys } from './log-key.ts';
import type { Head, HeadGuard } from './publication/head-guard.ts';
import type { VerifiedTail } from './seals/verified-tail.ts';
import { inconsistent, newestSigned, type SignedCheckpoint, type SignedHead } from './signed-head.ts';
import type { LogStore } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/**
 * Signs tree heads. What was signed once binds: a new head is signed only when it is at least as large as the last
 * one and provably extends it, so that a database restored from an old backup, or tampered with, cannot make the
 * log contradict itself. Nor is a head signed over an entry that no process of the installation appended. It stops signing
 * instead.
 */
export function createCheckpointer({
  store,
  tree,
  keys,
  tail,
  guard,
}: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  /** What is signed: all of it has been appended by this installation, and its root need not trust the rows. */
  readonly tail: VerifiedTail;
  /** Keeps what was signed outside of the database, where there is one. */
  readonly guard?: HeadGuard | undefined;
}) {
  let last: SignedCheckpoint | undefined;
  let running: Promise<SignedCheckpoint> | undefined;
  let next: Promise<SignedCheckpoint> | undefined;
  let atGuard: Promise<void> = Promise.resolve();
  let closed = false;

  /** What binds: the newest head in the database, which must not be older than the newest we have seen there. */
  async function lastSigned(): Promise<SignedHead | undefined> {
    // What is signed while the database answers is not in its answer.
    const known = last;
    const newest = await newestSigned(store, keys);
    if (known !== undefined && (newest === undefined || newest.head.size < known.size))
      throw inconsistent(`the checkpoint of ${known.size} records that it signed is gone`);
    if (
      newest !== undefined &&
      known !== undefined &&
      known.size === newest.head.size &&
      !known.root.equals(newest.head.root)
    )
      throw inconsistent(`its checkpoint of ${known.size} records was exchanged`);
    return newest;
  }

  async function extendsLast(head: Head, to: Head): Promise<boolean> {
    if (head.size === 0n) return true;
    if (head.size > to.size) return false;
    const proof = await tree.proveConsistency(head.size, to.size);
    return verifyConsistency({ from: head.size, to: to.size, fromRoot: head.root, toRoot: to.root, proof }).ok;
  }

  /**
   * Compares with what this node signed or showed last, wherever the rows have come from since, and sets it: first the
   * guard, then the signature, so that there is never a signature that the guard has not seen.
   */
  async function passGuard(to: Head, { set }: { readonly set: boolean }): Promise<void> {
    if (guard === undefined) return;
    const shown = await guard.read();
    if (shown !== undefined && shown.size > to.size) {
      // Another node's head may have been admitted since this one was read.
      const size = await store.size();
      if (size < shown.size) throw restored(shown.size, `holds ${size}`, guard.file);
      if (!(await extendsLast(to, shown))) throw restored(shown.size, 'has other ones in their places', guard.file);
      return;
    }
    if (shown !== undefined && !(await extendsLast(shown, to)))
      throw restored(shown.size, 'has other ones in their places', guard.file);
    if (set) await guard.advance(shown, to);
  }

  /** One at a time: what was compared with is what is replaced. */
  function inTurnAtGuard(work: () => Promise<void>): Promise<void> {
    const mine = atGuard.then(work);
    atGuard = mine.catch(() => undefined);
    return mine;
  }

  async function cover(): Promise<SignedCheckpoint> {
    // In this order: between the two the log may grow, and what was signed is always covered.
    const signed = await lastSigned();
    const { edge } = await tail.readOn(store);
    const held = await store.size();
    const known = signed !== undefined && signed.head.size > edge.size ? signed.head.size : edge.size;
    if (held < known) throw inconsistent(`it holds ${held} records and has signed a checkpoint of ${known}`);
    const { size } = edge;
    const root = edge.root();
    if (signed !== undefined && !(await extendsLast(signed.head, { size, root })))
      throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
    await inTurnAtGuard(() => passGuard({ size, root }, { set: true }));
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

  function checkOpen(): void {
    if (closed) throw logUnavailable(new Error('the log has been stopped'));
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
    async sign(): Promise<SignedCheckpoint> {
      checkOpen();
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

    /** Signs and admits nothing more, and waits for what is under way: whoever opens the guard next has it alone. */
    async close(): Promise<void> {
      closed = true;
      await Promise.allSettled([running, next, atGuard]);
    },

    /** The newest checkpoint this process has signed or shown. */
    newest: () => last,

    /**
     * A head that another node has signed and published, before this one shows it.
     *
     * @throws CodedError `log_inconsistent` when it contradicts what this node signed or showed
     */
    admit(head: Head): Promise<void> {
      return inTurnAtGuard(async () => {
        checkOpen();
        const shown = await guard?.read();
        if (guard === undefined || shown === undefined || shown.size < head.size) return passGuard(head, { set: true });
        // What this node has signed since is not published yet; it has to follow from what is.
        const size = await store.size();
        if (size < shown.size) throw restored(shown.size, `holds ${size}`, guard.file);
        if (!(await extendsLast(head, shown))) throw restored(shown.size, 'has other ones in their places', guard.file);
      });
    },

    /**
     * Whether the rows extend the last signed checkpoint, and what this node has signed or shown.
     *
     * @returns how many records the log has signed; whether there was a guard to compare that with
     * @throws CodedError `log_inconsistent` with what is wrong
     */
    async check(): Promise<{ readonly signed: bigint; readonly guarded: boolean }> {
      const signed = await lastSigned();
      const size = await store.size();
      let guarded = false;
      await inTurnAtGuard(async () => {
        guarded = (await guard?.read()) !== undefined;
        if (guarded) await passGuard({ size, root: await tree.rootAt(size) }, { set: false });
      });
      if (signed === undefined) return { signed: 0n, guarded };
      if (signed.head.size > size)
        throw inconsistent(`it holds ${size} records and has signed a checkpoint of ${signed.head.size}`);
      if (!(await extendsLast(signed.head, { size, root: await tree.rootAt(size) })))
        throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
      return { signed: signed.head.size, guarded };
    },
  };
}

export type Checkpointer = ReturnType<typeof createCheckpointer>;

/** What a person must do is said in full: whoever reads it has a broken system before them. */
function restored(signed: bigint, database: string, file: string): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `This node has signed a head of ${signed} records (${file}), and the database ${database}: it was restored from an older ` +
      'backup, or is another one. Nothing is signed, so that the log has one history. Bring the database to a state that has ' +
      'all of these records: a later backup, its write-ahead log, or a replica that was not lost. When they are lost for good, ' +
      'this log has ended: keep the database, the guard and every copy as evidence, and begin a new log under another origin.',
  );
}
