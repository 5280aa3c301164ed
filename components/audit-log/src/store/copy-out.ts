import pg from 'pg';

/** Memory that is used again: what was copied into it stands until the next copy into it. */
export class CopyBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(1 << 20);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * A statement of the simple protocol whose copied data come as they are, without a string being made of them.
 *
 * The driver hands each piece to the query under way, and its own query drops them. A library of streams around the same
 * copies them three times: a million records are read in this way, and their memory is most of what that costs.
 */
export class CopyOut extends pg.Query {
  readonly #onData: (piece: Uint8Array) => void;

  /** @param onData is given each piece; its memory is the driver's, who uses it again */
  constructor(statement: string, onData: (piece: Uint8Array) => void, onEnd: (error: Error | undefined) => void) {
    super(`copy (${statement}) to stdout with (format binary)`, (error) => onEnd(error ?? undefined));
    this.#onData = onData;
  }

  /** Called by the driver. */
  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    this.#onData(chunk);
  }
}
