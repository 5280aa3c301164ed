import type { RecordPage } from '@countersign/contracts';

/** A page of a stream, one text after the other. */
export interface PageBytes {
  write(bytes: Uint8Array, from?: number): void;
  skip(): void;
  page(records: number): RecordPage;
}

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

/** Fills texts that were left empty. @param texts by place in the page */
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
