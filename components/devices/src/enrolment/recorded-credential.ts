import type { RecordedKind } from '@countersign/commands';
import type { AuditLog, StandingReader } from '@countersign/contracts';
import { membersOf, type RecordId } from '@countersign/kernel';
import { credentialClaim, enrolledThing } from '../row-claims.ts';
import type { CredentialStore, StoredCredential } from '../store/credentials.ts';
import type { EnrolmentStore } from '../store/enrolments.ts';

/** `<kind>:<thumbprint>`: one credential identifies one device. */
export type CredentialId = `${StoredCredential['kind']}:${string}`;

export const credentialIdOf = ({ kind, thumbprint }: Pick<StoredCredential, 'kind' | 'thumbprint'>): CredentialId =>
  `${kind}:${thumbprint}`;

export interface CredentialState extends StoredCredential {
  /** The record of the link that this enrolment uses up. */
  readonly link?: RecordId;
}

export type CredentialKind = RecordedKind<CredentialId, CredentialState>;

/** Keys and certificates as recorded things (docs/adr/0057); removed ones have no row. */
export function createCredentialKind(credentials: CredentialStore, enrolments: EnrolmentStore): CredentialKind {
  return {
    kind: 'device-credential',
    find: (session, id) => credentials.find(session, ...partsOf(id)),
    lock: (session, id) => credentials.find(session, ...partsOf(id), 'for update'),
    recordOf: ({ recordId }) => recordId,
    content: (state) => credentialClaim(state).content,
    carried: ({ enrolledAt, jwk, ...state }) => ({
      ...{ ...state, enrolledAt: enrolledAt.getTime() },
      jwk: jwk === null ? null : { ...jwk },
    }),
    stateOf(carried) {
      // A record of our own, whose digest agrees with the newest in the log.
      const { enrolledAt, ...state } = carried as unknown as Omit<CredentialState, 'enrolledAt'> & {
        readonly enrolledAt: number;
      };
      return { ...state, enrolledAt: new Date(enrolledAt) };
    },
    async put(session, { link, ...credential }) {
      await credentials.put(session, credential);
      if (link !== undefined) await enrolments.use(session, credential.device, link);
    },
    remove: (session, id) => credentials.remove(session, ...partsOf(id)),
  };
}

function partsOf(id: CredentialId): readonly [StoredCredential['kind'], string] {
  const [kind, thumbprint = ''] = id.split(':', 2);
  return [kind === 'key' ? 'key' : 'certificate', thumbprint];
}

/** The newest enrolment of a device by the log: only its row may be missing, since each enrolment waits for the row of the previous one. */
export async function lastEnrolled(
  log: StandingReader & Pick<AuditLog, 'find'>,
  device: string,
): Promise<CredentialId | undefined> {
  const thing = enrolledThing(device);
  const newest = (await log.standings([thing])).get(thing);
  const found = newest === undefined ? undefined : await log.find(newest.record);
  const { by, thumbprint } = membersOf(found?.record.data) ?? {};
  if ((by !== 'key' && by !== 'certificate') || typeof thumbprint !== 'string') return undefined;
  return credentialIdOf({ kind: by, thumbprint });
}
