import { generateKeyPairSync, sign } from 'node:crypto';
import {
  type AuditLog,
  auditLogErrors,
  type EvidenceRecord,
  type LogEntry,
  type RecordDraft,
  requireFit,
} from '@countersign/contracts';
import { type Clock, newId, systemRandom, toInstant } from '@countersign/kernel';
import { createVerifierKey, Frontier, hashLeaf, signCheckpoint, type Tile } from '@countersign/merkle-log';
import type { StampedLog } from '../index.ts';

/** A log in memory that keeps the promises of the contract, with a tree and signed checkpoints, and breaks when told to. */
export interface SmallLog extends StampedLog {
  ofType(type: RecordDraft['type']): readonly EvidenceRecord[];
  /** A record of somebody's, written at once. */
  write(draft: Omit<RecordDraft, 'id' | 'source' | 'outcome'>): LogEntry & { readonly leafHash: string };
  /** Signs and publishes a checkpoint over everything. @returns the note */
  publish(): Promise<string>;
  breakDown(what: 'reading' | 'writing'): void;
  repair(): void;
}

export function createSmallLog(clock: Clock): SmallLog {
  const entries: LogEntry[] = [];
  const leafHashes: Buffer[] = [];
  const broken = new Set<'reading' | 'writing'>();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = createVerifierKey({
    name: 'log.example/test',
    type: 'ed25519',
    publicKey: Buffer.from(x, 'base64url'),
  });
  let published: string | undefined;

  function mustWork(what: 'reading' | 'writing'): void {
    if (broken.has(what)) throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
  }
  function put(draft: RecordDraft): LogEntry & { readonly leafHash: string } {
    // What cannot be written as JSON must fail here as it would there.
    const text = JSON.stringify({ v: 2, time: toInstant(clock.now()), ...draft });
    const entry = { index: BigInt(entries.length), record: JSON.parse(text) as EvidenceRecord };
    const leafHash = hashLeaf(Buffer.from(text));
    entries.push(entry);
    leafHashes.push(leafHash);
    return { ...entry, leafHash: leafHash.toString('base64url') };
  }

  return {
    ofType: (type) => entries.map(({ record }) => record).filter((record) => record.type === type),
    write: (draft) =>
      put({ ...draft, id: newId('record', { clock, random: systemRandom }), source: 'test', outcome: 'done' }),
    async append(draft) {
      mustWork('writing');
      requireFit(draft);
      const { index, record } = put(draft);
      return { id: record.id, index, time: record.time };
    },
    async search({ types = [], after = -1n, limit = 1_000 }: Parameters<AuditLog['search']>[0]) {
      mustWork('reading');
      return entries.filter(({ index, record }) => index > after && types.includes(record.type)).slice(0, limit);
    },
    async newest(types) {
      mustWork('reading');
      return entries.findLast(({ record }) => types.includes(record.type))?.index ?? -1n;
    },
    async tile({ level, index, width }: Tile) {
      const first = Number(index) * 256;
      const hashes = level === 0 ? leafHashes.slice(first, first + width) : [];
      return hashes.length === width ? Buffer.concat(hashes) : undefined;
    },
    async published() {
      mustWork('reading');
      return published;
    },
    async publish() {
      const tree = Frontier.empty.append(leafHashes);
      published = await signCheckpoint({
        checkpoint: { origin: 'log.example/test', size: tree.size, root: tree.root() },
        key,
        sign: async (octets) => sign(null, octets, privateKey),
      });
      return published;
    },
    breakDown: (what) => void broken.add(what),
    repair: () => broken.clear(),
  };
}
