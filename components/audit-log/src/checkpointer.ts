import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { verifyConsistency } from '@countersign/merkle-log';
import { available, logUnavailable } from './availability.ts';
import { type KeyRotations, signedHandover } from './key-rotations.ts';
import { handoverSize, isSignedBy, type KeyRotation, keyIdText, type LogKeys } from './log-key.ts';
import type { Head, HeadGuard } from './publication/head-guard.ts';
import type { VerifiedTail } from './seals/verified-tail.ts';
import { inconsistent, newestSigned, type SignedCheckpoint, type SignedHead } from './signed-head.ts';
import type { LogStore } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** Signs only what extends the last checkpoint under valid seals: an altered database cannot fork the log. */
export function createCheckpointer(dependencies: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  readonly rotations: Pick<KeyRotations, 'readOn'>;
  readonly tail: VerifiedTail;
  readonly guard?: HeadGuard | undefined;
}) {
  const { store, tree, keys, rotations, tail, guard } = dependencies;
  let last: SignedCheckpoint | undefined;
  let running: Promise<SignedCheckpoint> | undefined;
  let next: Promise<SignedCheckpoint> | undefined;
  let atGuard: Promise<void> = Promise.resolve();
  let closed = false;

  /** The newest signed head in the database. It must not be older than the newest one this process has seen. */
  async function lastSigned(): Promise<SignedHead | undefined> {
    // Read before the query: another checkpoint may be signed meanwhile.
    const known = last;
    const newest = await newestSigned(store, keys);
    if (newest !== undefined && newest.head.size > 0n) {
      const key = await keys.keyAt(newest.head.size);
      if (!newest.stored.some(({ note }) => isSignedBy(note, key)))
        throw inconsistent(`its checkpoint of ${newest.head.size} records is of another key than its records name`);
    }
    if (known !== undefined && (newest === undefined || newest.head.size < known.size))
      throw inconsistent(`the checkpoint of ${known.size} records that it signed is missing`);
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

  /** The guard is written before the signature, so that it covers every signature. */
  async function passGuard(to: Head, { set }: { readonly set: boolean }): Promise<void> {
    if (guard === undefined) return;
    const shown = await guard.read();
    if (shown !== undefined && shown.size > to.size) {
      // Another node's head may have been admitted meanwhile.
      const size = await store.size();
      if (size < shown.size) throw restored(shown.size, `holds ${size}`, guard.file);
      if (!(await extendsLast(to, shown))) throw restored(shown.size, 'has other ones in their places', guard.file);
      return;
    }
    if (shown !== undefined && !(await extendsLast(shown, to)))
      throw restored(shown.size, 'has other ones in their places', guard.file);
    if (set) await guard.advance(shown, to);
  }

  /** One at a time, so that the head that was compared is the head that is replaced. */
  function inTurnAtGuard(work: () => Promise<void>): Promise<void> {
    const mine = atGuard.then(work);
    atGuard = mine.catch(() => undefined);
    return mine;
  }

  async function cover(): Promise<SignedCheckpoint> {
    // Read first: the log may grow meanwhile, and still covers it.
    const signed = await lastSigned();
    const { edge } = await tail.readOn(store);
    // Read after the entries: a rotation among them decides by which key they are signed.
    await rotations.readOn();
    const held = await store.size();
    const known = signed !== undefined && signed.head.size > edge.size ? signed.head.size : edge.size;
    if (held < known) throw inconsistent(`it holds ${held} records and has signed a checkpoint of ${known}`);
    const { size } = edge;
    const root = edge.root();
    if (signed !== undefined && !(await extendsLast(signed.head, { size, root })))
      throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
    await inTurnAtGuard(() => passGuard({ size, root }, { set: true }));
    for (const rotation of keys.rotations())
      if (handoverSize(rotation) <= size) await handOver(rotation, { size, root });
    const current = await keys.keyAt(size);
    const again =
      signed?.head.size === size ? signed.stored.find(({ keyId }) => keyId === keyIdText(current)) : undefined;
    if (again !== undefined) {
      last = { size, root, note: again.note, key: current };
      return last;
    }
    const { note, key } = await keys.sign({ size, root });
    // Another node's note is equally good: that node checked the consistency too.
    if (await store.insertCheckpoint({ size, keyId: keyIdText(key), note })) last = { size, root, note, key };
    else last = await stored({ size, root, key });
    return last;
  }

  const handedOver = new Set<bigint>();

  /** The tree that ends with the record of the rotation is signed by both keys, on whichever node comes first. */
  async function handOver(rotation: KeyRotation, head: Head): Promise<void> {
    const size = handoverSize(rotation);
    if (handedOver.has(size)) return;
    if ((await signedHandover(store, rotation)) === undefined) {
      const root = await tree.rootAt(size);
      if (!(await extendsLast({ size, root }, head)))
        throw inconsistent(`its ${head.size} records do not extend the ${size} of the handover to another key`);
      const note = await keys.signHandover(rotation, { size, root });
      const isNew = await store.insertCheckpoint({ size, keyId: keyIdText(rotation.to), note });
      if (!isNew && (await signedHandover(store, rotation)) === undefined)
        throw inconsistent(`its checkpoint of ${size} records is not signed by the key that was handed over`);
    }
    handedOver.add(size);
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
    /** Covers every record appended before the call. @throws CodedError `log_unavailable`, `log_inconsistent` */
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

    async close(): Promise<void> {
      closed = true;
      await Promise.allSettled([running, next, atGuard]);
    },

    newest: () => last,

    /**
     * Accepts a head that another node published. @throws CodedError `log_inconsistent` if it contradicts this node's
     */
    admit(head: Head): Promise<void> {
      return inTurnAtGuard(async () => {
        checkOpen();
        const shown = await guard?.read();
        if (guard === undefined || shown === undefined || shown.size < head.size) return passGuard(head, { set: true });
        // This node may have signed a newer head that is not published yet; it must extend the published one.
        const size = await store.size();
        if (size < shown.size) throw restored(shown.size, `holds ${size}`, guard.file);
        if (!(await extendsLast(head, shown))) throw restored(shown.size, 'has other ones in their places', guard.file);
      });
    },

    /** Against the last signed checkpoint and the guarded head. @throws CodedError `log_inconsistent` */
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

function restored(signed: bigint, database: string, file: string): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `This node has signed a head of ${signed} records (${file}), and the database ${database}. It was restored from an older ` +
      'backup, or is a different database. Nothing is signed, so that the log keeps one history. Restore the database to a state with ' +
      'all of these records: a later backup, its write-ahead log, or a surviving replica. If they are lost for good, ' +
      'this log has ended: keep the database, the guard and every copy as evidence, and start a new log under another origin.',
  );
}
