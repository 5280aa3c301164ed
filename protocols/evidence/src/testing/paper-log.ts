import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { type Json, type RecordId, sha256, type TransactionId } from '@countersign/kernel';
import {
  createVerifierKey,
  Frontier,
  formatVerifierKey,
  hashChildren,
  hashLeaf,
  type NodeId,
  proveConsistency,
  proveInclusion,
  signCheckpoint,
} from '@countersign/merkle-log';
import { bundleFormat, type EvidenceBundle, recordRules } from '../index.ts';

export type Draft = Readonly<Record<string, Json>> & { readonly id: RecordId };

const origin = 'log.example/test';
const start = Date.parse('2026-11-21T09:30:00.000Z');

/** A log on paper: an array of leaves, one second apart, and a key that is the same in every run. */
export class PaperLog {
  readonly leaves: Buffer[] = [];
  readonly #key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256('the key of the paper log')]),
    format: 'der',
    type: 'pkcs8',
  });
  readonly #verifierKey = createVerifierKey({
    name: origin,
    type: 'ed25519',
    publicKey: Buffer.from(createPublicKey(this.#key).export({ format: 'jwk' }).x ?? '', 'base64url'),
  });
  readonly verifierKey = formatVerifierKey(this.#verifierKey);

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
    const root = Frontier.empty.append(this.leaves.slice(0, size).map(hashLeaf)).root();
    return signCheckpoint({
      checkpoint: { origin: of, size: BigInt(size), root },
      key: this.#verifierKey,
      sign: async (data) => sign(null, data, this.#key),
    });
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
      format: bundleFormat,
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
