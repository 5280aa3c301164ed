import type { Random } from '@countersign/kernel';
import { sha256 } from '@countersign/kernel';

/** Bytes that look random and are the same for the same seed: SHA-256 over seed and a counter. Never for keys. */
export function seededRandom(seed: string): Random {
  let block = Buffer.alloc(0);
  let counter = 0;
  return {
    bytes(size) {
      while (block.length < size) block = Buffer.concat([block, sha256(`${seed}\0${counter++}`)]);
      const out = new Uint8Array(block.subarray(0, size));
      block = block.subarray(size);
      return out;
    },
  };
}
