import {
  type CertificateProfileName,
  type CertificateStatus,
  certificateProfileNames,
  type IssuedCertificate,
  issuanceRecordOf,
  type RevocationReason,
  revocationReasons,
} from '@countersign/contracts';
import {
  decodeBase64Url,
  defined,
  type Json,
  parseInstant,
  type RecordId,
  sha256Base64Url,
  toInstant,
} from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** The profile of certificates that the authority issues to its own OCSP responders. */
export const statusProfile = 'ocsp';
export type StoredProfile = CertificateProfileName | typeof statusProfile;

/** The state of a certificate on which decisions depend. Times are milliseconds since the epoch. */
export interface CertificateState {
  /** 32 hexadecimal digits. */
  readonly serial: string;
  /** Key id. */
  readonly authority: string;
  readonly profile: StoredProfile;
  readonly profileVersion: number;
  readonly holder: string;
  /** LEI. */
  readonly institution: string;
  /** SHA-256 of the subject public key info, base64url. */
  readonly key: string;
  /** DER of the to-be-signed certificate. */
  readonly tbs: Uint8Array;
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly predecessor: string | undefined;
  readonly revoked: { readonly at: number; readonly reason: RevocationReason } | undefined;
}

/** A row: the state, and members on which no decision depends. */
export interface StoredCertificate extends CertificateState {
  /** The record of the last change. */
  readonly change: RecordId;
  readonly signature: Uint8Array | undefined;
}

const text = Type.String();
const carriedSchema = Type.Object({
  serial: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  authority: text,
  profile: Type.Enum([...certificateProfileNames, statusProfile]),
  profile_version: Type.Integer(),
  holder: text,
  institution: text,
  key: text,
  tbs: text,
  issued_at: text,
  not_before: text,
  not_after: text,
  predecessor: Type.Union([text, Type.Null()]),
  revoked_at: Type.Union([text, Type.Null()]),
  revocation_reason: Type.Union([Type.Enum([...revocationReasons]), Type.Null()]),
});
const carried = Compile(carriedSchema);

/** The state as records and rows store it. */
export function carriedOf(state: CertificateState): Static<typeof carriedSchema> & { readonly [name: string]: Json } {
  return {
    serial: state.serial,
    authority: state.authority,
    profile: state.profile,
    profile_version: state.profileVersion,
    holder: state.holder,
    institution: state.institution,
    key: state.key,
    tbs: Buffer.from(state.tbs).toString('base64url'),
    issued_at: toInstant(state.issuedAt),
    not_before: toInstant(state.notBefore),
    not_after: toInstant(state.notAfter),
    predecessor: state.predecessor ?? null,
    revoked_at: state.revoked === undefined ? null : toInstant(state.revoked.at),
    revocation_reason: state.revoked?.reason ?? null,
  };
}

/** @throws Error when this was not written by this component */
export function stateOf(content: unknown): CertificateState {
  if (!carried.Check(content)) throw new Error('the state of a certificate cannot be read');
  const tbs = decodeBase64Url(content.tbs);
  if (tbs === undefined) throw new Error('the state of a certificate has no to-be-signed certificate');
  const { revoked_at: revokedAt, revocation_reason: reason } = content;
  return {
    serial: content.serial,
    authority: content.authority,
    profile: content.profile,
    profileVersion: content.profile_version,
    holder: content.holder,
    institution: content.institution,
    key: content.key,
    tbs,
    issuedAt: momentOf(content.issued_at),
    notBefore: momentOf(content.not_before),
    notAfter: momentOf(content.not_after),
    predecessor: content.predecessor ?? undefined,
    revoked: revokedAt === null || reason === null ? undefined : { at: momentOf(revokedAt), reason },
  };
}

function momentOf(instant: string): number {
  const at = parseInstant(instant);
  if (at === undefined) throw new Error('the state of a certificate has a time that cannot be read');
  return at;
}

export function statusOf({ revoked, notAfter }: CertificateState, now: number): CertificateStatus {
  if (revoked !== undefined) return 'revoked';
  return now <= notAfter ? 'valid' : 'expired';
}

export function shown(state: CertificateState, now: number): IssuedCertificate & { readonly profile: StoredProfile } {
  const { serial, authority, profile, profileVersion, holder, institution, key, tbs, notBefore, notAfter } = state;
  const { predecessor, revoked } = state;
  return {
    ...{ serial, authority, profileVersion, holder, institution, key },
    // Certificates of responders are not listed.
    profile: profile as CertificateProfileName,
    status: statusOf(state, now),
    notBefore: toInstant(notBefore),
    notAfter: toInstant(notAfter),
    tbsDigest: sha256Base64Url(tbs),
    recordId: issuanceRecordOf(serial),
    ...defined({ predecessor }),
    ...(revoked === undefined ? {} : { revokedAt: toInstant(revoked.at), revocationReason: revoked.reason }),
  };
}
