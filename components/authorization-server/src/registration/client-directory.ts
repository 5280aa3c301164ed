import type { Directory } from '@countersign/contracts';
import type { StoredDocument } from './describe-client.ts';

/** The directory, which judges and keeps every client, with its documents as a file would write them. */
export interface RegistrationDirectory extends Pick<Directory, 'plan' | 'edit' | 'snapshot' | 'snapshotAtLeast'> {
  document(kind: 'client', id: string): StoredDocument | undefined;
}
