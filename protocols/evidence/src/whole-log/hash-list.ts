import { hashSize } from '@countersign/merkle-log';
import type { PlaceRange } from './absences.ts';

const atOnce = 256;

/** At most 320 MB for ten million hashes. */
export function createHashList() {
  const blockHashes = 65_536;
  const blocks: Buffer[] = [];
  let count = 0;
  return {
    add(hash: Buffer): void {
      const position = count % blockHashes;
      if (position === 0) blocks.push(Buffer.allocUnsafe(blockHashes * hashSize));
      blocks.at(-1)?.set(hash, position * hashSize);
      count++;
    },
    async *of({ first, past }: PlaceRange): AsyncIterable<readonly Buffer[]> {
      for (let place = Number(first); place < Number(past) && place < count; ) {
        const from = place % blockHashes;
        const to = Math.min(blockHashes, from + atOnce, from + Number(past) - place, from + count - place);
        const block = blocks[Math.floor(place / blockHashes)] ?? Buffer.alloc(0);
        yield Array.from({ length: to - from }, (_, offset) =>
          block.subarray((from + offset) * hashSize, (from + offset + 1) * hashSize),
        );
        place += to - from;
      }
    },
  };
}
