import type { CaepEvent, EvidenceRecord, RecordType } from '@countersign/contracts';
import { type Json, membersOf, type RecordId } from '@countersign/kernel';
import type { ComplexSubject, SimpleSubject, SubjectIdentifier } from './subject.ts';

type Members = Readonly<Record<string, Json>>;

export interface Signal {
  readonly record: RecordId;
  /** Its number among the signals of the record. */
  readonly ordinal: number;
  readonly event: CaepEvent;
  readonly subject: SubjectIdentifier;
  /** Of the event, beside its time. */
  readonly claims: Members;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly cause: RecordId;
  /** LEIs of the institutions whose people or clients are concerned. */
  readonly audience: readonly string[] | 'everybody';
}

export interface DirectoryView {
  /** LEI of the institution, active or not. */
  knownPrincipal(id: string): { readonly institution: string } | undefined;
  client(id: string): { readonly institution: string } | undefined;
  device(id: string): { readonly institution: string; readonly posture: 'compliant' | 'failing' } | undefined;
}

export interface SignalSources {
  /** The issuer of our tokens, under which subjects are named. */
  readonly issuer: string;
  /** At the version of the record, or newer; undefined if the recorded change never took effect. */
  readonly directoryAt: (version: number) => Promise<DirectoryView | undefined>;
}

interface Told extends Pick<Signal, 'event' | 'subject' | 'claims' | 'audience'> {
  readonly cause?: RecordId;
}
type Projection = (
  record: EvidenceRecord,
  data: Members,
  sources: SignalSources,
) => readonly Told[] | Promise<readonly Told[]>;

const projections: Readonly<Partial<Record<RecordType, Projection>>> = {
  'session.started': sessionStarted,
  'session.ended': sessionEnded,
  'token.revoked': tokenRevoked,
  'grant.changed': grantChanged,
  'grant.revoked': grantRevoked,
  'client.dpop-key-changed': dpopKeyChanged,
  'directory.applied': directoryApplied,
  'directory.departure': departed,
  'key.withdrawn': keyWithdrawn,
  'device.posture-changed': postureChanged,
};

/** The record types that signals are made from. */
export const signalTypes = Object.keys(projections) as readonly (keyof typeof projections)[];

/** Ids and codes, no text that a person wrote. @throws what the directory throws while it is unavailable */
export async function signalsOf(record: EvidenceRecord, sources: SignalSources): Promise<readonly Signal[]> {
  const projection = projections[record.type];
  if (projection === undefined) return [];
  const told = await projection(record, membersOf(record.data) ?? {}, sources);
  return told.map(({ cause = record.id, ...rest }, ordinal) => ({
    ...rest,
    record: record.id,
    ordinal,
    time: Math.floor(Date.parse(record.time) / 1000),
    cause,
  }));
}

/** An existing session that is recorded again is not a new session. */
function sessionStarted({ subject, authentication }: EvidenceRecord, data: Members, from: SignalSources) {
  const session = textOf(data['session']);
  if (subject?.institution === undefined || session === undefined) return [];
  const goesOn = data['goes_on'] === true;
  const { acr, amr } = authentication ?? {};
  return [
    {
      event: goesOn ? 'session-presented' : 'session-established',
      subject: complex({
        user: person(subject.id, from),
        session: opaque(session),
        tenant: opaque(subject.institution),
      }),
      claims: {
        initiating_entity: 'user',
        ...(goesOn || acr === undefined ? {} : { acr }),
        ...(goesOn || amr === undefined ? {} : { amr }),
      },
      audience: [subject.institution],
    },
  ] as const;
}

/** If its person left, nobody knows whose session it was; the departure has signalled all of them. */
async function sessionEnded({ subject }: EvidenceRecord, data: Members, from: SignalSources) {
  const session = textOf(data['session']);
  if (subject === undefined || session === undefined) return [];
  const institution = subject.institution ?? (await from.directoryAt(0))?.knownPrincipal(subject.id)?.institution;
  if (institution === undefined) return [];
  const reason = codeOf(data['reason']);
  return [
    {
      event: 'session-revoked',
      subject: complex({ user: person(subject.id, from), session: opaque(session), tenant: opaque(institution) }),
      claims: { ...initiator(reason), ...because(reason) },
      audience: [institution],
    },
  ] as const;
}

/** The end of a consent has a record of its own, and a mandate is not a session. */
async function tokenRevoked({ actors }: EvidenceRecord, data: Members, from: SignalSources): Promise<readonly Told[]> {
  const [kind, id] = [data['kind'], textOf(data['id'])];
  if (id === undefined) return [];
  const revoked = (subject: SubjectIdentifier, institution: string | undefined): readonly Told[] =>
    institution === undefined
      ? []
      : [{ event: 'session-revoked', subject, claims: { initiating_entity: 'admin' }, audience: [institution] }];
  switch (kind) {
    case 'token':
      // The record does not name the token's owner, so the institution that ended it receives the event.
      return revoked({ format: 'jwt_id', iss: from.issuer, jti: id }, actors?.[0]?.institution);
    case 'client': {
      const institution = (await from.directoryAt(0))?.client(id)?.institution;
      return revoked(complex({ application: opaque(id), ...tenant(institution) }), institution);
    }
    case 'principal': {
      const institution = (await from.directoryAt(0))?.knownPrincipal(id)?.institution;
      return revoked(complex({ user: person(id, from), ...tenant(institution) }), institution);
    }
    case 'partner':
      return revoked(complex({ tenant: opaque(id) }), id);
    default:
      return [];
  }
}

/** The permissions have changed, so older tokens no longer agree with them. */
function grantChanged({ subject, client, scope, audience }: EvidenceRecord, data: Members, from: SignalSources) {
  const grant = textOf(data['grant']);
  if (subject?.institution === undefined || client === undefined || grant === undefined) return [];
  return [
    {
      event: 'token-claims-change',
      subject: grantSubject({ user: subject.id, client, grant, institution: subject.institution }, from),
      claims: {
        initiating_entity: 'user',
        claims: { scope: (scope ?? []).join(' '), ...(audience === undefined ? {} : { aud: audience }) },
      },
      audience: [subject.institution],
    },
  ] as const;
}

function grantRevoked({ subject: by }: EvidenceRecord, data: Members, from: SignalSources) {
  const [grant, client, user, institution] = ['grant', 'client', 'subject', 'institution'].map((name) =>
    textOf(data[name]),
  );
  if (grant === undefined || client === undefined || user === undefined || institution === undefined) return [];
  return [
    {
      event: 'session-revoked',
      subject: grantSubject({ user, client, grant, institution }, from),
      claims: { initiating_entity: by?.id === user ? 'user' : 'admin' },
      audience: [institution],
    },
  ] as const;
}

/** The sign of a copied registration key, or of a new key. */
function dpopKeyChanged({ subject, client }: EvidenceRecord, data: Members, from: SignalSources) {
  const [grant, owner] = [textOf(data['grant']), textOf(data['institution'])];
  const institution = subject?.institution;
  if (institution === undefined || client === undefined || grant === undefined || owner === undefined) return [];
  return [
    {
      event: 'credential-change',
      subject: grantSubject({ user: subject?.id ?? '', client, grant, institution }, from),
      claims: { initiating_entity: 'system', credential_type: 'dpop-key', change_type: 'update' },
      audience: [...new Set([institution, owner])],
    },
  ] as const;
}

/** A leaver or mover has no session and no token of the former position. */
function departed({ references }: EvidenceRecord, data: Members, from: SignalSources) {
  const [principal, institution] = [textOf(data['principal']), textOf(data['institution'])];
  if (principal === undefined || institution === undefined) return [];
  const [cause] = references ?? [];
  return [
    {
      event: 'session-revoked',
      subject: complex({ user: person(principal, from), tenant: opaque(institution) }),
      claims: {
        initiating_entity: 'admin',
        ...because(data['kind'] === 'move' ? 'principal_moved' : 'principal_left'),
      },
      audience: [institution],
      ...(cause === undefined ? {} : { cause }),
    },
  ] as const;
}

/** A feed reported a changed state. A device that fails for another reason than before has not changed its state. */
function postureChanged(_record: EvidenceRecord, data: Members): readonly Told[] {
  const [device, institution] = [textOf(data['device']), textOf(data['institution'])];
  const { posture, was } = data;
  if (device === undefined || institution === undefined || posture === was) return [];
  return posture === 'compliant' || posture === 'failing' ? [complianceChange(device, { institution, posture })] : [];
}

function complianceChange(
  device: string,
  { institution, posture }: { readonly institution: string; readonly posture: 'compliant' | 'failing' },
): Told {
  const compliant = posture === 'compliant';
  return {
    event: 'device-compliance-change',
    subject: complex({ device: opaque(device), tenant: opaque(institution) }),
    claims: {
      initiating_entity: 'system',
      // There are two states, and this is a change.
      previous_status: compliant ? 'not-compliant' : 'compliant',
      current_status: compliant ? 'compliant' : 'not-compliant',
    },
    audience: [institution],
  };
}

/** Signatures of a withdrawn key are no longer to be trusted anywhere. */
function keyWithdrawn(_record: EvidenceRecord, data: Members, { issuer }: SignalSources) {
  const [purpose, kid] = [textOf(data['purpose']), textOf(data['kid'])];
  if (purpose === undefined || kid === undefined) return [];
  return [
    {
      event: 'credential-change',
      subject: complex({ tenant: { format: 'uri', uri: issuer }, key: opaque(kid) }),
      claims: {
        initiating_entity: 'admin',
        credential_type: `signing-key:${purpose}`,
        change_type: 'revoke',
      },
      audience: 'everybody',
    },
  ] as const;
}

/**
 * Keys of clients, credentials of people, and states of devices. A change that exceeds its record lists neither
 * additions nor devices, so these are not signalled.
 */
async function directoryApplied(_record: EvidenceRecord, data: Members, from: SignalSources): Promise<readonly Told[]> {
  // Each line is read as untrusted JSON.
  const lines = Array.isArray(data['changes']) ? (data['changes'] as readonly Json[]) : [];
  const wanted = lines.flatMap((line) => {
    const { change, kind, id, fields } = membersOf(line) ?? {};
    // Each name is checked below.
    const named = Array.isArray(fields) ? (fields as readonly Json[]) : [];
    return typeof id === 'string' ? [{ change, kind, id, named }] : [];
  });
  if (!wanted.some(({ kind }) => kind === 'client' || kind === 'person' || kind === 'device')) return [];
  const version = data['version'];
  const directory = await from.directoryAt(typeof version === 'number' ? version : 0);
  if (directory === undefined) return [];
  return wanted.flatMap(({ change, kind, id, named }): readonly Told[] => {
    switch (kind) {
      case 'client': {
        const institution = directory.client(id)?.institution;
        if (institution === undefined || (change === 'change' && !clientKeyFields.some((each) => named.includes(each))))
          return [];
        return [
          {
            event: 'credential-change',
            subject: complex({ application: opaque(id), tenant: opaque(institution) }),
            claims: credentialClaims('oauth-client-key', change === 'add' ? 'create' : 'update'),
            audience: [institution],
          },
        ];
      }
      case 'person': {
        const institution = directory.knownPrincipal(id)?.institution;
        if (institution === undefined || change !== 'change' || !named.includes('credentials')) return [];
        return [
          {
            event: 'credential-change',
            subject: complex({ user: person(id, from), tenant: opaque(institution) }),
            claims: credentialClaims('approval-key', 'update'),
            audience: [institution],
          },
        ];
      }
      case 'device': {
        const device = directory.device(id);
        if (device === undefined || change !== 'change' || !named.includes('posture')) return [];
        return [complianceChange(id, device)];
      }
      default:
        return [];
    }
  });
}

/** Members that identify a client's credentials. */
const clientKeyFields: readonly string[] = [
  'jwks',
  'jwks_uri',
  'token_endpoint_auth_method',
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
];

function credentialClaims(type: string, change: 'create' | 'update'): Members {
  return { initiating_entity: 'admin', credential_type: type, change_type: change };
}

function grantSubject(
  of: { readonly user: string; readonly client: string; readonly grant: string; readonly institution: string },
  from: SignalSources,
): ComplexSubject {
  return complex({
    user: person(of.user, from),
    application: opaque(of.client),
    // Distinguishes several grants between the same two parties.
    grant: opaque(of.grant),
    tenant: opaque(of.institution),
  });
}

function complex(parts: Readonly<Record<string, SimpleSubject>>): ComplexSubject {
  return { format: 'complex', ...parts };
}

function tenant(institution: string | undefined) {
  return institution === undefined ? {} : { tenant: opaque(institution) };
}

function opaque(id: string): SimpleSubject {
  return { format: 'opaque', id };
}

/** As our tokens name them. */
function person(id: string, { issuer }: SignalSources): SimpleSubject {
  return { format: 'iss_sub', iss: issuer, sub: id };
}

const byThemselves: readonly string[] = ['person_signed_out', 'logout', 'relying_party_logout'];

function initiator(reason: string | undefined): Members {
  if (reason === undefined) return { initiating_entity: 'system' };
  if (byThemselves.includes(reason)) return { initiating_entity: 'user' };
  return { initiating_entity: reason.startsWith('principal_') ? 'admin' : 'system' };
}

/** CAEP 1.0 section 2: by language. */
function because(code: string | undefined): Members {
  return code === undefined ? {} : { reason_admin: { en: code } };
}

/** Free text stays in the evidence. */
function codeOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && /^[a-z][a-z_]{0,63}$/.test(value) ? value : undefined;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.length > 0 ? value : undefined;
}
