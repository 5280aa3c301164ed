import type { Devices, Grant, Mandate, PersonSignals, PrincipalId, RecordType } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';

export type OwnDevice = Awaited<ReturnType<Devices['of']>>[number];
export type OwnMandate = Pick<Mandate, 'id' | 'status' | 'grantor' | 'grantee' | 'effectiveUntil'>;
export type OwnGrant = Pick<Grant, 'id' | 'client' | 'scopes' | 'details' | 'givenAt' | 'expiresAt'>;

/** Something that was done in a person's name, or with their account. */
export interface OwnActivity {
  readonly id: RecordId;
  readonly type: RecordType;
  /** RFC 3339. */
  readonly time: string;
  /** Of a refusal: its code. */
  readonly reason?: string;
  /** These only where it was done by the person, or to their account. */
  readonly address?: string;
  readonly device?: string;
  readonly client?: string;
  /** What they themselves called the key that it is about. */
  readonly name?: string;
}

/** A page of it, newest first. */
export interface ActivityPage {
  readonly entries: readonly OwnActivity[];
  /** For the page that follows; nothing where there is none. */
  readonly next?: string;
}

/**
 * What a person sees of other rooms. Each is asked for the person who is signed in, and answers with nothing that is not
 * theirs to see; what is left out has no section.
 */
export interface SelfServiceSources {
  readonly signals?: Pick<PersonSignals, 'of'>;
  readonly devicesOf?: (person: PrincipalId) => Promise<readonly OwnDevice[]>;
  /** At most 100. */
  readonly mandatesOf?: (person: PrincipalId) => Promise<readonly OwnMandate[]>;
  /** Those that still stand, at most 100. */
  readonly grantsOf?: (person: PrincipalId) => Promise<readonly OwnGrant[]>;
  /** @param before the `next` of the page before, as it came back from a browser; the newest when left out or unreadable */
  readonly activityOf?: (person: PrincipalId, before?: string) => Promise<ActivityPage>;
}
