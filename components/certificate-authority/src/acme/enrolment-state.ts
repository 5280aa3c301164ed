import {
  type CertificateProfileName,
  certificateProfileNames,
  type Enrolment,
  type EnrolmentStatus,
  enrolmentThing,
  type PrincipalId,
  parsePrincipalId,
  recordIdOfCommand,
} from '@countersign/contracts';
import {
  defined,
  type EnrolmentId,
  type Json,
  parseId,
  parseInstant,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** The state of an enrolment on which decisions depend. Times are milliseconds since the epoch. */
export interface EnrolmentState {
  readonly id: EnrolmentId;
  readonly profile: CertificateProfileName;
  readonly holder: PrincipalId;
  /** LEI. */
  readonly institution: string;
  readonly dnsNames: readonly string[];
  readonly madeBy: string;
  readonly madeAt: number;
  /** After this time the secret cannot be used; an account that it has opened remains. */
  readonly expiresAt: number;
  readonly account: AcmeAccount | undefined;
  readonly ended: { readonly at: number; readonly reason: string } | undefined;
}

/** The account that an enrolment has opened. */
export interface AcmeAccount {
  /** RFC 7638 thumbprint of the key. */
  readonly thumbprint: string;
  readonly jwk: Readonly<Record<string, string>>;
}

export interface StoredEnrolment extends EnrolmentState {
  /** The record of the last change. */
  readonly change: RecordId;
}

const text = Type.String();
const carriedSchema = Type.Object({
  id: text,
  profile: Type.Enum([...certificateProfileNames]),
  holder: text,
  institution: text,
  dns_names: Type.Array(text),
  made_by: text,
  made_at: text,
  expires_at: text,
  account: Type.Union([Type.Object({ thumbprint: text, jwk: Type.Record(Type.String(), Type.String()) }), Type.Null()]),
  ended: Type.Union([Type.Object({ at: text, reason: text }), Type.Null()]),
});
const carried = Compile(carriedSchema);

/** The state as records and rows store it. */
export function carriedOf(state: EnrolmentState): Static<typeof carriedSchema> & { readonly [name: string]: Json } {
  const { id, profile, holder, institution, madeBy, account, ended } = state;
  return {
    ...{ id, profile, holder, institution },
    dns_names: [...state.dnsNames],
    made_by: madeBy,
    made_at: toInstant(state.madeAt),
    expires_at: toInstant(state.expiresAt),
    account: account === undefined ? null : { thumbprint: account.thumbprint, jwk: { ...account.jwk } },
    ended: ended === undefined ? null : { at: toInstant(ended.at), reason: ended.reason },
  };
}

/** @throws Error when this was not written by this component */
export function stateOf(content: unknown): EnrolmentState {
  if (!carried.Check(content)) throw new Error('the state of an enrolment cannot be read');
  const id = parseId('enrolment', content.id);
  const holder = parsePrincipalId(content.holder);
  if (id === undefined || holder === undefined) throw new Error('the state of an enrolment names no holder');
  const { account, ended, profile, institution } = content;
  return {
    ...{ id, profile, holder, institution },
    dnsNames: content.dns_names,
    madeBy: content.made_by,
    madeAt: momentOf(content.made_at),
    expiresAt: momentOf(content.expires_at),
    account: account ?? undefined,
    ended: ended === null ? undefined : { at: momentOf(ended.at), reason: ended.reason },
  };
}

function momentOf(instant: string): number {
  const at = parseInstant(instant);
  if (at === undefined) throw new Error('the state of an enrolment has a time that cannot be read');
  return at;
}

export function enrolmentStatusOf({ account, ended, expiresAt }: EnrolmentState, now: number): EnrolmentStatus {
  if (ended !== undefined) return 'ended';
  if (account !== undefined) return 'used';
  return now <= expiresAt ? 'open' : 'expired';
}

/** The record of the new enrolment; its id is derived from the id of the enrolment. */
export const enrolmentRecordOf = (id: string): RecordId => recordIdOfCommand({ first: enrolmentThing(id) });

export function shownEnrolment(state: EnrolmentState, now: number): Enrolment {
  const { id, profile, holder, institution, dnsNames, madeBy, account, ended } = state;
  return {
    ...{ id, profile, holder, institution, dnsNames, madeBy },
    status: enrolmentStatusOf(state, now),
    madeAt: toInstant(state.madeAt),
    expiresAt: toInstant(state.expiresAt),
    recordId: enrolmentRecordOf(id),
    ...defined({ accountKey: account?.thumbprint }),
    ...(ended === undefined ? {} : { endedAt: toInstant(ended.at), endReason: ended.reason }),
  };
}
