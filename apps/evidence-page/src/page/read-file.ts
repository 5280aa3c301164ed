import { parseJson } from '@countersign/kernel';

/** A bundle with ten thousand records of maximum size is smaller. Larger files would exhaust memory. */
export const maxFileBytes = 256 * 1_048_576;

export interface ReadDocument {
  readonly name: string;
  readonly document: unknown;
  readonly bytes: Uint8Array;
}

export class FileUnusable extends Error {}

/** @throws FileUnusable if the file is too large or not JSON */
export async function readJsonFile(file: File): Promise<ReadDocument> {
  if (file.size > maxFileBytes) throw new FileUnusable(`${file.name} is larger than this page reads.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FileUnusable(`${file.name} is not text.`);
  }
  const parsed = parseJson(text, { maxLength: maxFileBytes });
  if (!parsed.ok) throw new FileUnusable(`${file.name} cannot be read: ${parsed.problem}.`);
  return { name: file.name, document: parsed.value, bytes };
}
