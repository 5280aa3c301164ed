import type { RecordContent } from '@countersign/commands';
import {
  type Actor,
  type Directory,
  ended,
  type PrincipalId,
  type RecordDraft,
  type RecordType,
  standing,
} from '@countersign/contracts';
import { type AuthenticatorId, defined, derivedId, type NoticeId, type RecordId, sha256 } from '@countersign/kernel';
import { everHadThing, invitationThing } from './row-claims.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** Including people who have left. */
export function aboutPerson(directory: Pick<Directory, 'snapshot'>, person: PrincipalId): About {
  const snapshot = directory.snapshot();
  return { person, institution: (snapshot.principal(person) ?? snapshot.knownPrincipal(person))?.institution };
}

/** A repeated notice has the same id. @param about the event, such as its record id */
export function noticeIdOf(about: string): NoticeId {
  return derivedId('notice', 0, sha256(`authentication ${about}`).subarray(0, 10));
}

const source = 'authentication';

/** Without institution if the directory no longer has the person. */
export interface About {
  readonly person: PrincipalId;
  readonly institution: string | undefined;
}

export const subjectOf = ({ person, institution }: About): Actor => ({ id: person, ...defined({ institution }) });

/** The command adds the resulting state (docs/adr/0057). */
export function done(
  type: Extract<RecordType, `authenticator.${string}` | `account.${string}`>,
  about: About,
  by: Actor,
  data: RecordContent['data'],
  more: Pick<RecordContent, 'standing' | 'references'> = {},
): RecordContent {
  return { type, outcome: 'done', subject: subjectOf(about), actors: [by], data, ...more };
}

/** Restricted, because the person chose it. */
function nameOf(person: PrincipalId, name: string): Pick<RecordDraft, 'protectedValues'> {
  return { protectedValues: [{ path: '/data/name', kind: 'personal', subject: person, value: name }] };
}

export function registered(
  authenticator: Omit<StoredAuthenticator, 'name'> & { readonly name: string | undefined },
  about: About,
  facts: {
    readonly rpId: string;
    readonly origin: string;
    readonly allowedBy:
      | { readonly invitation: RecordId }
      | { readonly authenticator: AuthenticatorId; readonly recordId: RecordId };
    readonly address: string | undefined;
  },
): RecordContent {
  const { allowedBy, rpId, origin, address } = facts;
  const { id, kid, jwk, credentialId, aaguid, backupEligible, attested, attestationFormat, acr } = authenticator;
  return {
    type: 'authenticator.registered',
    outcome: 'done',
    subject: subjectOf(about),
    references: ['invitation' in allowedBy ? allowedBy.invitation : allowedBy.recordId],
    ...defined({ address }),
    // The first key ends all open invitations.
    standing: [standing(everHadThing(about.person), true), ended(invitationThing(about.person))],
    data: {
      ...{ authenticator: id, kid, jwk: { ...jwk }, aaguid },
      ...{ credential_id: credentialId, backup_eligible: backupEligible },
      ...{ attested, attestation_format: attestationFormat, acr, rp_id: rpId, origin },
      ...('invitation' in allowedBy ? { invitation: allowedBy.invitation } : { by: allowedBy.authenticator }),
    },
    ...(authenticator.name === undefined ? {} : nameOf(about.person, authenticator.name)),
  };
}

export function renamed(
  id: RecordId,
  about: About,
  { id: authenticator, name }: { readonly id: AuthenticatorId; readonly name: string },
): RecordDraft {
  return {
    ...{ id, type: 'authenticator.renamed', source, outcome: 'done', subject: subjectOf(about) },
    data: { authenticator },
    ...nameOf(about.person, name),
  };
}

export function suspected(about: About, authenticator: AuthenticatorId): RecordContent {
  return { type: 'authenticator.suspected', outcome: 'done', subject: subjectOf(about), data: { authenticator } };
}

export type RefusedCeremony = 'sign-in' | 'statement' | 'registration' | 'invitation';

export function refused(
  id: RecordId,
  reason: string,
  facts: {
    readonly about: About | undefined;
    readonly ceremony: RefusedCeremony;
    readonly authenticator?: AuthenticatorId | undefined;
    readonly credentialSha256?: string | undefined;
    readonly statementType?: string | undefined;
    readonly aaguid?: string | undefined;
    readonly address: string | undefined;
    /** The requester, if another person. */
    readonly by?: Actor;
  },
): RecordDraft {
  const { by, about, ceremony, authenticator, credentialSha256, statementType, aaguid, address } = facts;
  return {
    ...{ id, type: 'authenticator.refused', source, outcome: 'deny', reason },
    ...(about === undefined ? {} : { subject: subjectOf(about) }),
    ...(by === undefined ? {} : { actors: [by] }),
    ...defined({ address }),
    data: {
      ceremony,
      ...defined({ authenticator, credential_sha256: credentialSha256, statement_type: statementType, aaguid }),
    },
  };
}
