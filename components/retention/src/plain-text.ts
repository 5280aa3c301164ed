import { retentionErrors } from '@countersign/contracts';
import { isVisibleText } from '@countersign/kernel';

/** One line of 1 to 400 characters that is recorded and shown to people. @throws CodedError `retention_malformed` */
export function readLine(name: string, text: string): string {
  const line = text.trim();
  if (line.length <= 400 && isVisibleText(line)) return line;
  throw retentionErrors.error('retention_malformed', `${name} is one line of 1 to 400 characters.`);
}
