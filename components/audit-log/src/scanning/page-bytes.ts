import type { RecordPage } from '@countersign/contracts';

/** A page of a stream as it is written, one text behind the other. */
export interface PageBytes {
  /** @param from where in these bytes the text begins */
  write(bytes: Uint8Array, from?: number): void;
  /** Leaves a text empty. */
  skip(): void;
  /** @param records that were written */
  page(records: number): RecordPage;
}

/**
 * @param texts in all
 * @param most bytes of all of them at most
 */
export function createPageBytes(texts: number, most: number): PageBytes {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(most).buffer);
  const ends = new Uint32Array(texts);
  let end = 0;
  let text = 0;
  return {
    write(source, from = 0) {
      bytes.set(from === 0 ? source : source.subarray(from), end);
      end += source.length - from;
      ends[text++] = end;
    },
    skip() {
      ends[text++] = end;
    },
    page: (records) => ({ records, bytes: bytes.subarray(0, end), ends }),
  };
}

/** A page with texts in places that were left empty. @param texts by their places in the page */
export function withTexts({ records, bytes, ends }: RecordPage, texts: ReadonlyMap<number, Uint8Array>): RecordPage {
  let more = 0;
  for (const text of texts.values()) more += text.length;
  const filled = createPageBytes(ends.length, bytes.length + more);
  let from = 0;
  for (const [place, end] of ends.entries()) {
    filled.write(texts.get(place) ?? bytes.subarray(from, end));
    from = end;
  }
  return filled.page(records);
}
