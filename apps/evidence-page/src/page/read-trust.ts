import { type BundleTrust, parseTrust, readCertificateFile } from '@countersign/evidence';
import { byId } from './element.ts';
import { FileUnusable, readJsonFile } from './read-file.ts';

const fields = ['logVerifierKey', 'checkpoint', 'policy'] as const;

/** Fields take precedence over the file. @throws FileUnusable: unusable input would seem applied */
export async function readTrust(): Promise<BundleTrust> {
  const given: Record<string, unknown> = await fromFile();
  for (const name of fields) {
    const { value } = byId(name, HTMLTextAreaElement);
    const text = name === 'logVerifierKey' ? value.trim() : asWritten(value);
    if (text !== '') given[name] = text;
  }
  const parsed = parseTrust(given);
  if (!parsed.ok) throw new FileUnusable(`What you gave to trust cannot be used: ${parsed.problem}.`);
  const authorities = await certificates();
  if (authorities.length === 0) return parsed.trust;
  return { ...parsed.trust, timeStampAuthorities: [...(parsed.trust.timeStampAuthorities ?? []), ...authorities] };
}

async function fromFile(): Promise<Record<string, unknown>> {
  const [file] = byId('trust', HTMLInputElement).files ?? [];
  if (file === undefined) return {};
  const { document } = await readJsonFile(file);
  const parsed = parseTrust(document);
  if (!parsed.ok) throw new FileUnusable(`${file.name} is no trust file: ${parsed.problem}.`);
  return Object.assign({}, document);
}

async function certificates(): Promise<readonly Uint8Array[]> {
  const read: Uint8Array[] = [];
  for (const file of byId('authorities', HTMLInputElement).files ?? []) {
    const found = file.size > 1_048_576 ? undefined : readCertificateFile(new Uint8Array(await file.arrayBuffer()));
    if (found === undefined) throw new FileUnusable(`${file.name} holds no certificate.`);
    read.push(...found);
  }
  return read;
}

/** Restores the final line break, which copying may lose. */
function asWritten(text: string): string {
  const trimmed = text.replaceAll('\r\n', '\n').trim();
  return trimmed === '' ? '' : `${trimmed}\n`;
}
