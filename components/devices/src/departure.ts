import type { DepartureEffect, Directory } from '@countersign/contracts';
import { deviceIndexOf } from './device-index.ts';
import type { Enrolment } from './enrolment/enrolment.ts';

/**
 * What becomes of a person's devices when they leave: keys and certificates stay, since the devices are the firm's, but
 * they serve nobody until the directory gives the device to somebody else (`requireFit`). Links by which a browser
 * could still enrol as one of them end, but for those made after the person had left: somebody else's, or theirs who came back.
 */
export function devicesEffect(directory: Pick<Directory, 'snapshot'>, enrolment: Enrolment): DepartureEffect {
  return {
    name: 'devices',
    async end({ principal, kind, at, by, reason }) {
      if (kind === 'move') return { ended: 0 };
      const held = deviceIndexOf(directory.snapshot()).heldBy(principal);
      return {
        ended: await enrolment.closeLinks(
          held.map(({ id }) => id),
          by,
          reason,
          Date.parse(at),
        ),
      };
    },
  };
}
