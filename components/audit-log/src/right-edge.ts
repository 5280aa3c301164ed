import { Frontier, tileRoot, tileWidth, widthInTree } from '@countersign/merkle-log';

/** A tile that has just become full; `hashes` are its 256, `root` is its place in the tile above. */
export interface CompletedTile {
  readonly level: number;
  readonly index: bigint;
  readonly hashes: Buffer;
  readonly root: Buffer;
}

/**
 * The tree at its right edge: the hashes of the tiles that are not full yet, level by level. It is all that is
 * needed to append, to complete tiles and to compute the root.
 *
 * An edge never changes: {@link append} answers with the next one, which is adopted only after its commit.
 */
export class RightEdge {
  static readonly empty = new RightEdge(0n, []);

  readonly size: bigint;
  readonly #levels: readonly (readonly Buffer[])[];

  private constructor(size: bigint, levels: readonly (readonly Buffer[])[]) {
    this.size = size;
    this.#levels = levels;
  }

  /**
   * @param levels the hashes of the partial tile at each level, from 0; empty where there is none
   * @returns undefined when they are not as many as a tree of this size has
   */
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

  /** The Merkle Tree Hash (RFC 6962 section 2.1). */
  root(): Buffer {
    // The complete subtrees of the tree, largest first, are those of each level's hashes, highest level first.
    const hashes = this.#levels.toReversed().flatMap((level) => Frontier.empty.append(level).state().hashes);
    return Frontier.restore({ size: this.size, hashes }).root();
  }
}
