import pg from 'pg';

/** Reused memory: its content is valid until the next copy. */
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

/** A COPY whose data are passed on without becoming strings, which the driver's own query drops. */
export class CopyOut extends pg.Query {
  readonly #onData: (piece: Uint8Array) => void;

  /** @param onData receives each piece; the driver reuses its memory */
  constructor(statement: string, onData: (piece: Uint8Array) => void, onEnd: (error: Error | undefined) => void) {
    super(`copy (${statement}) to stdout with (format binary)`, (error) => onEnd(error ?? undefined));
    this.#onData = onData;
  }

  /** Called by the driver. */
  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    this.#onData(chunk);
  }
}
