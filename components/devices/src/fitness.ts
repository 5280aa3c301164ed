import {
  type DevicePosture,
  type DirectorySnapshot,
  deviceErrors,
  type PrincipalId,
  type RecognisedDevice,
} from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import { clockLeadMs } from './posture/report.ts';

/** @throws CodedError `device_required`, `device_unknown`, `device_not_yours`, `device_failing`, `device_stale` */
export function requireFit(
  device: RecognisedDevice | undefined,
  person: PrincipalId,
  known: {
    readonly directory: DirectorySnapshot;
    readonly posture: DevicePosture | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
    readonly maxAgeMs: number;
  },
): void {
  const { directory, posture, now, maxAgeMs } = known;
  if (device === undefined)
    throw deviceErrors.error(
      'device_required',
      'This needs a device that your firm manages, and this browser is not recognised as one. Use a managed device, or have this one enrolled.',
    );
  const found = directory.device(device.id);
  if (found === undefined || posture === undefined)
    throw deviceErrors.error('device_unknown', 'This device is not in the directory. Have it enrolled again.');
  // A device whose holder has left belongs to nobody until it is assigned again.
  if (
    found.institution !== directory.principal(person)?.institution ||
    (found.holder !== undefined && found.holder !== person)
  )
    throw deviceErrors.error('device_not_yours', 'This device belongs to somebody else. Use your own.');
  if (posture.posture !== 'compliant')
    throw deviceErrors.error(
      'device_failing',
      `This device does not meet the rules of your firm${posture.failed.length === 0 ? '' : ` (${posture.failed.join(', ')})`}. Have it repaired, or use another one.`,
    );
  const age = now - (parseInstant(posture.postureAt) ?? 0);
  if (age > maxAgeMs || age < -clockLeadMs)
    throw deviceErrors.error(
      'device_stale',
      'This device has not been checked recently. Have it checked, then try again.',
    );
}
