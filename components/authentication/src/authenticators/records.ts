import {
  type Actor,
  ended,
  type PrincipalId,
  type RecordDraft,
  type RecordType,
  type Standing,
  standing,
} from '@countersign/contracts';
import type { AuthenticatorId, Json, RecordId } from '@countersign/kernel';
import { authenticatorClaim, authenticatorThing, everHadThing, invitationThing } from '../row-claims.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

const source = 'authentication';

/** Whom a record is about; the institution is left out where the directory does not know them any more. */
export interface About {
  readonly person: PrincipalId;
  readonly institution: string | undefined;
}

/** Whom it is about, as a record names them. */
export const subjectOf = ({ person, institution }: About): Actor => ({
  id: person,
  ...(institution === undefined ? {} : { institution }),
});

/** Something that was done to a person's account, by somebody. */
export function done(
  id: RecordId,
  type: Extract<RecordType, `authenticator.${string}` | `account.${string}`>,
  about: About,
  by: Actor,
  data: Json,
  stand: readonly Standing[],
  references: readonly RecordId[] = [],
): RecordDraft {
  return {
    ...{ id, type, source, outcome: 'done', subject: subjectOf(about), actors: [by], standing: stand, data },
    ...(references.length === 0 ? {} : { references }),
  };
}

/** The name that a person gave is told to few. */
function nameOf(person: PrincipalId, name: string): Pick<RecordDraft, 'protectedValues'> {
  return { protectedValues: [{ path: '/data/name', kind: 'personal', subject: person, value: name }] };
}

export function registered(
  authenticator: Omit<StoredAuthenticator, 'userHandle'>,
  about: About,
  facts: {
    readonly rpId: string;
    readonly origin: string;
    /** What allowed it. */
    readonly allowedBy:
      | { readonly invitation: RecordId }
      | { readonly authenticator: AuthenticatorId; readonly recordId: RecordId };
    readonly address: string | undefined;
  },
): RecordDraft {
  const { allowedBy, rpId, origin, address } = facts;
  const { id, kid, jwk, credentialId, aaguid, backupEligible, attested, attestationFormat, acr, recordId } =
    authenticator;
  const { of, content } = authenticatorClaim(authenticator);
  return {
    id: recordId,
    type: 'authenticator.registered',
    source,
    outcome: 'done',
    subject: subjectOf(about),
    references: ['invitation' in allowedBy ? allowedBy.invitation : allowedBy.recordId],
    ...(address === undefined ? {} : { address }),
    // The first key closes the door that an invitation opened.
    standing: [standing(of, content), standing(everHadThing(about.person), true), ended(invitationThing(about.person))],
    data: {
      ...{ authenticator: id, kid, jwk, credential_id: credentialId, aaguid, backup_eligible: backupEligible },
      ...{ attested, attestation_format: attestationFormat, acr, rp_id: rpId, origin },
      ...('invitation' in allowedBy ? { invitation: allowedBy.invitation } : { by: allowedBy.authenticator }),
    },
    ...nameOf(about.person, authenticator.name),
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

export function suspected(id: RecordId, about: About, authenticator: AuthenticatorId): RecordDraft {
  return {
    ...{ id, type: 'authenticator.suspected', source, outcome: 'done', subject: subjectOf(about) },
    standing: [ended(authenticatorThing(authenticator))],
    data: { authenticator },
  };
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
    /** Who asked for it, where that is somebody else. */
    readonly by?: Actor;
  },
): RecordDraft {
  const { by, about, ceremony, authenticator, credentialSha256, statementType, aaguid, address } = facts;
  return {
    ...{ id, type: 'authenticator.refused', source, outcome: 'deny', reason },
    ...(about === undefined ? {} : { subject: subjectOf(about) }),
    ...(by === undefined ? {} : { actors: [by] }),
    ...(address === undefined ? {} : { address }),
    data: {
      ceremony,
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(credentialSha256 === undefined ? {} : { credential_sha256: credentialSha256 }),
      ...(statementType === undefined ? {} : { statement_type: statementType }),
      ...(aaguid === undefined ? {} : { aaguid }),
    },
  };
}
