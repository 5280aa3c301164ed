import { generateKeyPairSync, sign } from 'node:crypto';
import type { LogEntry } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { createVerifierKey, Frontier, hashLeaf, signCheckpoint, type Tile } from '@countersign/merkle-log';
import { createMemoryLog, type MemoryLog } from '@countersign/testkit';
import type { StampedLog } from '../index.ts';

/** An in-memory log with a tree and signed checkpoints, which fails when told to. */
export interface CheckpointedLog extends StampedLog, Pick<MemoryLog, 'ofType' | 'breakDown' | 'repair'> {
  /** A record of any writer, written at once. */
  write(draft: Parameters<MemoryLog['write']>[0]): LogEntry & { readonly leafHash: string };
  /** Signs and publishes a checkpoint over everything. @returns the note */
  publish(): Promise<string>;
}

export function createCheckpointedLog(clock: Clock): CheckpointedLog {
  const log = createMemoryLog(clock);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = createVerifierKey({
    name: 'log.example/test',
    type: 'ed25519',
    publicKey: Buffer.from(x, 'base64url'),
  });
  const leafHashOf = ({ record }: LogEntry): Buffer => hashLeaf(Buffer.from(JSON.stringify(record)));
  let published: string | undefined;

  return {
    ...log,
    write(draft) {
      const entry = log.write(draft);
      return { ...entry, leafHash: leafHashOf(entry).toString('base64url') };
    },
    async tile({ level, index, width }: Tile) {
      const first = Number(index) * 256;
      const hashes = level === 0 ? log.entries.slice(first, first + width).map(leafHashOf) : [];
      return hashes.length === width ? Buffer.concat(hashes) : undefined;
    },
    published: async () => published,
    async publish() {
      const tree = Frontier.empty.append(log.entries.map(leafHashOf));
      published = await signCheckpoint({
        checkpoint: { origin: 'log.example/test', size: tree.size, root: tree.root() },
        key,
        sign: async (octets) => sign(null, octets, privateKey),
      });
      return published;
    },
  };
}
