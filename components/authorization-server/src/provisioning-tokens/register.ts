import { timingSafeEqual } from 'node:crypto';
import {
  type Actor,
  type AuditLog,
  type ClientId,
  ended,
  parseClientId,
  type RecordDraft,
  standing,
} from '@countersign/contracts';
import {
  type Clock,
  digestOf,
  type Json,
  membersOf,
  newId,
  parseDigest,
  type Random,
  type RecordId,
  sha256Base64Url,
} from '@countersign/kernel';
import type { CertificateThumbprint } from '@countersign/oauth';

/** Only the hash of the token is kept. */
export interface ProvisioningToken {
  readonly client: ClientId;
  readonly sha256: string;
  readonly certificate: CertificateThumbprint;
  /** Space-delimited. */
  readonly scope: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** Each client has one token. Only the audit log holds it, so no database row can be forged. */
export interface ProvisioningTokenRegister {
  put(token: ProvisioningToken, about: Partial<RecordDraft>): Promise<void>;
  /** Only the client's current one. @throws CodedError `log_unavailable` */
  find(sent: SentToken): Promise<ProvisioningToken | undefined>;
  end(token: ProvisioningToken, by: Actor, reason: string): Promise<void>;
}

export function createProvisioningTokenRegister(dependencies: {
  readonly audit: Pick<AuditLog, 'append' | 'find' | 'standings'>;
  readonly clock: Clock;
  readonly random: Random;
}): ProvisioningTokenRegister {
  const { audit, clock, random } = dependencies;
  /** Records do not change, so each is read once. */
  const known = new Map<ClientId, { readonly record: RecordId; readonly token: ProvisioningToken }>();

  async function current(client: ClientId): Promise<ProvisioningToken | undefined> {
    const of = subjectOf(client);
    const newest = (await audit.standings([of])).get(of);
    if (newest?.digest === undefined) {
      known.delete(client);
      return undefined;
    }
    const before = known.get(client);
    if (before?.record === newest.record) return before.token;
    const token = readToken(client, (await audit.find(newest.record))?.record.data);
    if (token === undefined || digestOf(contentOf(token)) !== newest.digest) return undefined;
    known.set(client, { record: newest.record, token });
    return token;
  }

  return {
    async put(token, about) {
      await audit.append({
        ...about,
        id: newId('record', { clock, random }),
        type: 'provisioning-token.issued',
        source: 'authorization-server',
        outcome: 'done',
        client: token.client,
        standing: [standing(subjectOf(token.client), contentOf(token))],
        data: dataOf(token),
      });
    },
    async find(sent) {
      const token = await current(sent.client);
      return token !== undefined && isSame(token.sha256, sent.sha256) ? token : undefined;
    },
    async end({ client, sha256 }, by, reason) {
      await audit.append({
        id: newId('record', { clock, random }),
        type: 'provisioning-token.ended',
        source: 'authorization-server',
        outcome: 'done',
        actors: [by],
        client,
        standing: [ended(subjectOf(client))],
        data: { token_sha256: sha256, reason },
      });
    },
  };
}

function subjectOf(client: ClientId): string {
  return `provisioning-token:${client}`;
}

function dataOf({ sha256, certificate, scope, expiresAt }: ProvisioningToken) {
  return { token_sha256: sha256, certificate, scope, expires_at: expiresAt };
}

function contentOf(token: ProvisioningToken): Json {
  return { client: token.client, ...dataOf(token) };
}

function readToken(client: ClientId, data: Json | undefined): ProvisioningToken | undefined {
  const members = membersOf(data) ?? {};
  const { scope, expires_at: expiresAt } = members;
  const sha256 = parseDigest(members['token_sha256']);
  const certificate = parseDigest(members['certificate']);
  if (sha256 === undefined || certificate === undefined) return undefined;
  if (typeof scope !== 'string' || typeof expiresAt !== 'number') return undefined;
  // The digest of a certificate, recorded under this name.
  return { client, sha256, certificate: certificate as string as CertificateThumbprint, scope, expiresAt };
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Not yet verified. */
export interface SentToken {
  readonly client: ClientId;
  readonly sha256: string;
}

/** Identifies a leaked token. */
const pattern = /^cpt_[\w-]{43}_([\w.-]{1,128})$/;

export function newTokenText(client: ClientId, random: Random): string {
  return `cpt_${Buffer.from(random.bytes(32)).toString('base64url')}_${client}`;
}

/** Undefined if it is not a provisioning token. */
export function readTokenText(text: string): SentToken | undefined {
  const client = parseClientId(pattern.exec(text)?.[1] ?? '');
  return client === undefined ? undefined : { client, sha256: sha256Base64Url(text) };
}
