import { retentionErrors } from '@countersign/contracts';

const pattern = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,400}$/u;

/** One line of 1 to 400 characters that is recorded and shown to people. @throws CodedError `retention_malformed` */
export function readLine(name: string, text: string): string {
  const line = text.trim();
  if (pattern.test(line)) return line;
  throw retentionErrors.error('retention_malformed', `${name} is one line of 1 to 400 characters.`);
}
