import { retentionErrors } from '@countersign/contracts';
import { visibleLine } from '@countersign/kernel';

/** @throws CodedError `retention_malformed` */
export function readLine(name: string, text: string): string {
  const line = visibleLine(text, 400);
  if (line !== undefined) return line;
  throw retentionErrors.error('retention_malformed', `${name} is one line of 1 to 400 characters.`);
}
