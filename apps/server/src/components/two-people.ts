import {
  type AuditLog,
  type AuthenticatorRegister,
  createIndependence,
  type Directory,
  type Independence,
  type ProposerStanding,
} from '@countersign/contracts';
import { createProposerStanding } from './proposer-standing.ts';

/** Checks a proposer before a proposal takes effect and when a second person approves it. */
export function twoPeople({
  directory,
  authenticators,
  auditLog: log,
}: {
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
  readonly authenticators: Pick<AuthenticatorRegister, 'isLocked' | 'invitersOf'>;
  readonly auditLog: Pick<AuditLog, 'query' | 'standings'>;
}): { readonly proposerStanding: ProposerStanding; readonly independence: Independence } {
  return {
    proposerStanding: createProposerStanding({ directory, authenticators, log }),
    independence: createIndependence(authenticators),
  };
}
