import type { TimeStamper } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { AuthorityCertificates } from '../authority/authority-certificates.ts';
import type { TimeStampAuthority } from '../authority/time-stamp-authority.ts';
import { acceptToken } from './accept-token.ts';

/**
 * Stamps by our own authority, without HTTP. It adds no trust beyond the log's own time, but other tools can read it.
 */
export function createOwnTimeStamper(dependencies: {
  readonly authority: TimeStampAuthority;
  readonly certificates: AuthorityCertificates;
  readonly clock: Clock;
}): TimeStamper {
  const { authority, certificates, clock } = dependencies;
  return {
    async stamp(digest) {
      const token = await authority.issue({ imprint: { hash: 'sha256', digest }, certificateWanted: true });
      return acceptToken({ token, digest }, { trusted: { certificates: await certificates.all() } }, clock);
    },
  };
}
