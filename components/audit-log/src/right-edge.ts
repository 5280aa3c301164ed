import { Frontier, tileRoot, tileWidth, widthInTree } from '@countersign/merkle-log';

/** A tile that has just become full; `root` is its hash in the tile above. */
export interface CompletedTile {
  readonly level: number;
  readonly index: bigint;
  readonly hashes: Buffer;
  readonly root: Buffer;
}

/** The hashes of the partial tiles: enough to append and to compute the root. Immutable. */
export class RightEdge {
  static readonly empty = new RightEdge(0n, []);

  readonly size: bigint;
  readonly #levels: readonly (readonly Buffer[])[];

  private constructor(size: bigint, levels: readonly (readonly Buffer[])[]) {
    this.size = size;
    this.#levels = levels;
  }

  /** @param levels hashes of the partial tile at each level @returns undefined if they do not fit the size */
  static restore(size: bigint, levels: readonly (readonly Buffer[])[]): RightEdge | undefined {
    const fits = levels.every((hashes, level) => {
      const index = size >> (8n * BigInt(level + 1));
      return hashes.length === widthInTree(size, { level, index });
    });
    return fits && size >> (8n * BigInt(levels.length)) === 0n ? new RightEdge(size, levels) : undefined;
  }

  append(leafHashes: readonly Buffer[]): { readonly edge: RightEdge; readonly tiles: readonly CompletedTile[] } {
    const levels = this.#levels.map((hashes) => [...hashes]);
    const tiles: CompletedTile[] = [];
    let size = this.size;
    for (const leafHash of leafHashes) {
      size++;
      let carried: Buffer | undefined = leafHash;
      for (let level = 0; carried !== undefined; level++) {
        const hashes: Buffer[] = levels[level] ?? [];
        levels[level] = hashes;
        hashes.push(carried);
        carried = undefined;
        if (hashes.length < tileWidth) break;
        const full = Buffer.concat(hashes);
        carried = tileRoot(full);
        tiles.push({ level, index: (size >> (8n * BigInt(level + 1))) - 1n, hashes: full, root: carried });
        levels[level] = [];
      }
    }
    return { edge: new RightEdge(size, levels), tiles };
  }

  /** RFC 6962 section 2.1. */
  root(): Buffer {
    // The complete subtrees, largest first, are the hashes of each level, highest level first.
    const hashes = this.#levels.toReversed().flatMap((level) => Frontier.empty.append(level).state().hashes);
    return Frontier.restore({ size: this.size, hashes }).root();
  }
}
