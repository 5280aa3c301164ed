import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type Json, type RecordId, sha256, type TransactionId } from '@countersign/kernel';
import {
  createVerifierKey,
  Frontier,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  hashChildren,
  hashLeaf,
  type NodeId,
  parseNote,
  proveConsistency,
  proveInclusion,
  signCheckpoint,
  type VerifierKey,
} from '@countersign/merkle-log';
import {
  bundleFormat,
  bundleFormatWithHandovers,
  type EvidenceBundle,
  type KeyHandover,
  keyHandoverType,
  recordRules,
} from '../index.ts';

export type Draft = Readonly<Record<string, Json>> & { readonly id: RecordId };

const origin = 'log.example/test';
interface PaperKey {
  readonly key: KeyObject;
  readonly verifierKey: VerifierKey;
}

/** The same key in every run. */
function keyFrom(seed: string): PaperKey {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(seed)]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
  return { key, verifierKey: createVerifierKey({ name: origin, type: 'ed25519', publicKey }) };
}

const start = Date.parse('2026-11-21T09:30:00.000Z');

/** A log on paper: an array of leaves, one second apart, and a key that is the same in every run. */
export class PaperLog {
  readonly leaves: Buffer[] = [];
  readonly #keys = [{ ...keyFrom('the key of the paper log'), from: 0 }];
  readonly #handovers: (KeyHandover & { readonly size: number })[] = [];

  get verifierKey(): string {
    return formatVerifierKey(this.#keyAt(this.leaves.length).verifierKey);
  }

  #keyAt(size: number) {
    const found = this.#keys.findLast(({ from }) => from <= size);
    if (found === undefined) throw new Error('a paper log has a key for every size');
    return found;
  }

  /** Records the next key, and has both keys sign the tree that ends with the record. */
  async rotate(id: RecordId, seed: string, signers?: readonly string[]): Promise<KeyHandover> {
    const [old, next] = [this.#keyAt(this.leaves.length), keyFrom(seed)];
    this.add({
      id,
      type: keyHandoverType,
      source: 'audit-log',
      data: { origin, from: formatVerifierKey(old.verifierKey), to: formatVerifierKey(next.verifierKey) },
    });
    const size = this.leaves.length;
    const keys = signers === undefined ? [old, next] : signers.map(keyFrom);
    const proof = await proveInclusion({ index: BigInt(size - 1), size: BigInt(size), readHashes: this.#readHashes });
    const handover = {
      checkpoint: await this.#signed(size, keys),
      leaf: (this.leaves[size - 1] ?? Buffer.alloc(0)).toString('base64url'),
      proof: asText(proof),
    };
    this.#keys.push({ ...next, from: size });
    this.#handovers.push({ ...handover, size });
    return handover;
  }

  async #signed(size: number, keys: readonly PaperKey[], of = origin): Promise<string> {
    const root = Frontier.empty.append(this.leaves.slice(0, size).map(hashLeaf)).root();
    const checkpoint = { origin: of, size: BigInt(size), root };
    const notes = await Promise.all(
      keys.map(async ({ key, verifierKey }) => {
        const note = parseNote(
          await signCheckpoint({ checkpoint, key: verifierKey, sign: async (data) => sign(null, data, key) }),
        );
        if (!note.ok) throw new Error(note.reason);
        return note.note.signatures;
      }),
    );
    return formatNote({ text: formatCheckpoint(checkpoint), signatures: notes.flat() });
  }

  add(draft: Draft): RecordId {
    return this.addBytes(
      Buffer.from(
        JSON.stringify({
          v: 1,
          time: this.nextTime(),
          source: recordRules[String(draft['type'])]?.source ?? 'test',
          outcome: 'done',
          ...draft,
        }),
      ),
      draft.id,
    );
  }

  addBytes(leaf: Buffer, id: RecordId): RecordId {
    this.leaves.push(leaf);
    return id;
  }

  leafHash(index: number): Buffer {
    return hashLeaf(this.leaves[index] ?? Buffer.alloc(0));
  }

  nextTime(): string {
    return new Date(start + this.leaves.length * 1000).toISOString();
  }

  /** A copy that diverges from here with the same key, as in a log that rewrites its history. */
  fork(change: (leaf: Buffer, index: number) => Buffer): PaperLog {
    const other = new PaperLog();
    other.leaves.push(...this.leaves.map(change));
    return other;
  }

  /** @param of the log named in the checkpoint */
  async checkpoint(size = this.leaves.length, of = origin): Promise<string> {
    return this.#signed(size, [this.#keyAt(size)], of);
  }

  /** From the tree of that size to the current tree. */
  async consistencyFrom(size: number): Promise<readonly string[]> {
    const [from, to] = [BigInt(size), BigInt(this.leaves.length)];
    return asText(await proveConsistency({ from, to, readHashes: this.#readHashes }));
  }

  /** Lists `indices` in a manifest record, appends it, and bundles everything. */
  async bundle(
    transaction: TransactionId,
    manifest: RecordId,
    options: {
      readonly indices?: readonly number[];
      readonly since?: { readonly note: string; readonly size: number };
    } = {},
  ): Promise<EvidenceBundle> {
    const indices = options.indices ?? this.leaves.map((_, index) => index);
    const records = indices.map((index) => {
      const leaf = this.leaves[index] ?? Buffer.alloc(0);
      const id = /"id":"(rec_\w+)"/.exec(leaf.toString())?.[1] ?? '';
      return { id, leaf_hash: hashLeaf(leaf).toString('base64url') };
    });
    this.add({
      id: manifest,
      type: 'evidence.exported',
      transaction,
      data: { transaction, part: 1, parts: 1, records },
    });
    const size = BigInt(this.leaves.length);
    return {
      format: this.#handovers.length === 0 ? bundleFormat : bundleFormatWithHandovers,
      transaction,
      log: { origin, verifierKey: this.verifierKey },
      checkpoint: await this.checkpoint(),
      manifest: [manifest],
      records: await Promise.all(
        [...indices, this.leaves.length - 1].map(async (index) => ({
          index: String(index),
          leaf: (this.leaves[index] ?? Buffer.alloc(0)).toString('base64url'),
          proof: asText(await proveInclusion({ index: BigInt(index), size, readHashes: this.#readHashes })),
        })),
      ),
      ...(this.#handovers.length === 0
        ? {}
        : {
            handovers: await Promise.all(
              this.#handovers.map(async ({ size, ...handover }) => ({
                ...handover,
                consistency: await this.consistencyFrom(size),
              })),
            ),
          }),
      ...(options.since === undefined
        ? {}
        : {
            consistency: {
              checkpoint: options.since.note,
              proof: await this.consistencyFrom(options.since.size),
            },
          }),
    };
  }

  #readHashes = (nodes: readonly NodeId[]): readonly Buffer[] =>
    nodes.map(({ level, index }) => this.#node(level, Number(index)));

  #node(level: number, index: number): Buffer {
    if (level === 0) return hashLeaf(this.leaves[index] ?? Buffer.alloc(0));
    return hashChildren(this.#node(level - 1, index * 2), this.#node(level - 1, index * 2 + 1));
  }
}

function asText(hashes: readonly Buffer[]): readonly string[] {
  return hashes.map((hash) => hash.toString('base64url'));
}
