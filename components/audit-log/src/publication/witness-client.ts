import type { ConfiguredExchange } from '@countersign/contracts';
import {
  formatAddCheckpoint,
  formatNote,
  formatVerifierKey,
  type Note,
  type NoteSignature,
  type PolicyWitness,
  parseNote,
  parseSignatures,
  parseTreeSize,
  verifyNote,
} from '@countersign/merkle-log';
import type { SignedCheckpoint } from '../signed-head.ts';
import type { PublicationStore } from '../store/publication.ts';
import type { TreeReader } from '../tree-reader.ts';

export type WitnessFault =
  /** It remembers a smaller size than it cosigned: it lost data or was restored from a backup. */
  | { readonly kind: 'rolled-back'; readonly cosigned: bigint; readonly remembers: bigint }
  /** It has proved its way back and counts again. */
  | { readonly kind: 'caught-up'; readonly cosigned: bigint; readonly remembers: bigint }
  /** Its key does not verify its cosignature. */
  | { readonly kind: 'forged'; readonly cosigned: bigint }
  /** It does not find that our checkpoint extends the one it cosigned. */
  | { readonly kind: 'contradicts'; readonly cosigned: bigint }
  /** It has cosigned more records than this log has ever signed. */
  | { readonly kind: 'ahead'; readonly remembers: bigint };

export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature; readonly counted: boolean }
  /** Another node was faster, or this database is an old one. */
  | { readonly kind: 'ahead'; readonly size: bigint }
  | { readonly kind: 'contradicts'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

export interface WitnessClient {
  readonly name: string;
  /** One request at a time. Never throws. */
  ask(checkpoint: SignedCheckpoint): Promise<WitnessAnswer>;
}

const sizeType = 'text/x.tlog.size';
/** Room for several keys with the longest signatures. */
const maxAnswerBytes = 65_536;

/** One C2SP tlog-witness. Its cosignatures are stored, which reveals a witness that has lost data. */
export function createWitnessClient(dependencies: {
  readonly witness: PolicyWitness;
  readonly url: string;
  readonly exchange: ConfiguredExchange['exchange'];
  readonly timeoutMs: number;
  readonly store: PublicationStore;
  readonly tree: TreeReader;
  readonly onFault: (fault: WitnessFault) => void;
}): WitnessClient {
  const { witness, url, exchange, timeoutMs, store, tree, onFault } = dependencies;
  const vkey = formatVerifierKey(witness.key);
  const target = `${url.replace(/\/+$/, '')}/add-checkpoint`;
  /** The largest cosigned size; undefined until read. */
  let cosigned: bigint | undefined;
  /** The size that the witness last reported. */
  let remembers: bigint | undefined;
  let setBack = false;
  let busy = false;

  async function ask(checkpoint: SignedCheckpoint): Promise<WitnessAnswer> {
    cosigned ??= (await store.newestCosigned(vkey))?.size ?? 0n;
    remembers ??= cosigned;
    if (remembers > checkpoint.size) return { kind: 'ahead', size: remembers };
    const first = await submit(checkpoint, remembers);
    if (first.kind !== 'conflict') return first;
    remembers = first.size;
    if (first.size > checkpoint.size) return { kind: 'ahead', size: first.size };
    if (first.size < cosigned && !setBack) {
      setBack = true;
      onFault({ kind: 'rolled-back', cosigned, remembers: first.size });
    }
    // Retried once only: a faulty witness could report another size each time.
    const second = await submit(checkpoint, first.size);
    return second.kind === 'conflict' ? { kind: 'failed', why: 'it says another size at each question' } : second;
  }

  async function submit(
    checkpoint: SignedCheckpoint,
    oldSize: bigint,
  ): Promise<WitnessAnswer | { readonly kind: 'conflict'; readonly size: bigint }> {
    const proof =
      oldSize === 0n || oldSize === checkpoint.size ? [] : await tree.proveConsistency(oldSize, checkpoint.size);
    const body = formatAddCheckpoint({ oldSize, proof, checkpoint: checkpoint.note });
    const answer = await exchange(target, { contentType: 'text/plain', body, timeoutMs, maxBytes: maxAnswerBytes });
    switch (answer.status) {
      case 200:
        return accept(checkpoint, oldSize, answer.body);
      case 409: {
        const said = /^(\d{1,20})\n$/.exec(answer.body.toString('latin1'))?.[1];
        const size = said === undefined ? undefined : parseTreeSize(said);
        if (answer.contentType?.split(';')[0]?.trim() !== sizeType || size === undefined)
          return { kind: 'failed', why: 'it answered 409 without a size' };
        if (size === oldSize) return { kind: 'failed', why: 'it refuses the size that it says itself' };
        return { kind: 'conflict', size };
      }
      case 422:
        onFault({ kind: 'contradicts', cosigned: oldSize });
        return { kind: 'contradicts', why: 'it does not find that the checkpoint extends what it cosigned' };
      default:
        return { kind: 'failed', why: `it answered with status ${answer.status}` };
    }
  }

  async function accept(checkpoint: SignedCheckpoint, oldSize: bigint, body: Buffer): Promise<WitnessAnswer> {
    const note = readNote(checkpoint.note);
    const ours = parseSignatures(body)?.filter(
      ({ name, keyId }) => name === witness.key.name && keyId === witness.key.keyId,
    );
    const signature = ours?.[0];
    if (signature === undefined) return { kind: 'failed', why: 'it answered without a cosignature of its key' };
    const verdict = verifyNote({ note: { text: note.text, signatures: ours ?? [] }, keys: [witness.key] });
    const timestamp = verdict.ok ? verdict.signatures[0]?.timestamp : undefined;
    if (timestamp === undefined || timestamp === 0n) {
      onFault({ kind: 'forged', cosigned: checkpoint.size });
      return { kind: 'failed', why: 'its cosignature does not verify' };
    }
    const cosignedNote = formatNote({ text: note.text, signatures: [...note.signatures, signature] });
    await store.insertCosignature({ witness: vkey, size: checkpoint.size, note: cosignedNote });
    remembers = checkpoint.size;
    const before = cosigned ?? 0n;
    if (checkpoint.size >= before) cosigned = checkpoint.size;
    if (!setBack) return { kind: 'cosigned', signature, counted: true };
    // Cosignatures while catching up do not count: the witness did not know its earlier state.
    if (checkpoint.size >= before) {
      setBack = false;
      onFault({ kind: 'caught-up', cosigned: checkpoint.size, remembers: oldSize });
    }
    return { kind: 'cosigned', signature, counted: false };
  }

  return {
    name: witness.name,
    async ask(checkpoint) {
      if (busy) return { kind: 'failed', why: 'it has not answered the question before' };
      busy = true;
      try {
        return await ask(checkpoint);
      } catch (error) {
        return { kind: 'failed', why: error instanceof Error ? error.message : 'it could not be asked' };
      } finally {
        busy = false;
      }
    },
  };
}

function readNote(text: string): Note {
  const parsed = parseNote(text);
  if (!parsed.ok) throw new Error(`the newest checkpoint of this log is malformed: ${parsed.reason}`);
  return parsed.note;
}
