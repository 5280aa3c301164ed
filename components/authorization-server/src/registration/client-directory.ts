import type { Directory } from '@countersign/contracts';

/** The directory, which judges and keeps every client, with its documents as a file would write them. */
export type RegistrationDirectory = Pick<
  Directory,
  'plan' | 'edit' | 'clientDocument' | 'snapshot' | 'snapshotAtLeast'
>;
