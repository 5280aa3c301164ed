import { type ClientId, parseClientId } from '@countersign/contracts';
import { type Random, sha256Base64Url } from '@countersign/kernel';

/** A provisioning token as it was sent; nothing of it has been verified. */
export interface SentToken {
  readonly client: ClientId;
  readonly sha256: string;
}

/** So that one is known for what it is wherever it turns up, and for no access token. */
const pattern = /^cpt_[\w-]{43}_([\w.-]{1,128})$/;

/** 256 random bits, and whose it is. */
export function newTokenText(client: ClientId, random: Random): string {
  return `cpt_${Buffer.from(random.bytes(32)).toString('base64url')}_${client}`;
}

/** @returns undefined for what is no provisioning token */
export function readTokenText(text: string): SentToken | undefined {
  const client = parseClientId(pattern.exec(text)?.[1] ?? '');
  return client === undefined ? undefined : { client, sha256: sha256Base64Url(text) };
}
