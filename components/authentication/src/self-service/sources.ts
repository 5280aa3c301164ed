import type { Devices, Grant, Mandate, PersonSignals, PrincipalId, RecordType } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';

export type OwnDevice = Awaited<ReturnType<Devices['of']>>[number];
export type OwnMandate = Pick<Mandate, 'id' | 'status' | 'grantor' | 'grantee' | 'effectiveUntil'>;
export type OwnGrant = Pick<Grant, 'id' | 'client' | 'scopes' | 'details' | 'givenAt' | 'expiresAt'>;

export interface OwnActivity {
  readonly id: RecordId;
  readonly type: RecordType;
  /** RFC 3339. */
  readonly time: string;
  /** Code of a refusal. */
  readonly reason?: string;
  /** These if the person did it, or it concerns their account. */
  readonly address?: string;
  readonly device?: string;
  readonly client?: string;
  /** The person's name for the key. */
  readonly name?: string;
}

export interface ActivityPage {
  readonly entries: readonly OwnActivity[];
  /** For the next page. */
  readonly next?: string;
}

/** What other components tell a signed-in person about their own account. Without a source there is no section. */
export interface SelfServiceSources {
  readonly signals?: Pick<PersonSignals, 'of'>;
  readonly devicesOf?: (person: PrincipalId) => Promise<readonly OwnDevice[]>;
  /** At most 100. */
  readonly mandatesOf?: (person: PrincipalId) => Promise<readonly OwnMandate[]>;
  /** Active ones, at most 100. */
  readonly grantsOf?: (person: PrincipalId) => Promise<readonly OwnGrant[]>;
  /** @param before `next` of a page, from the browser; the newest page if absent or unreadable */
  readonly activityOf?: (person: PrincipalId, before?: string) => Promise<ActivityPage>;
}
