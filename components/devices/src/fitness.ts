import {
  type DevicePosture,
  type DirectorySnapshot,
  deviceErrors,
  type PrincipalId,
  type RecognisedDevice,
} from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import { clockLeadMs } from './posture/report.ts';

/**
 * Whether a person may be raised to what asks for a managed device: it has shown itself, it is theirs or nobody's in
 * particular of their firm, it meets the firm's rules, and somebody looked at it lately.
 *
 * @throws CodedError `device_required`, `device_unknown`, `device_not_yours`, `device_failing`, `device_stale`
 */
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
      'This needs a device that your firm manages, and none has shown itself. Use such a device, or have this one enrolled.',
    );
  const found = directory.device(device.id);
  if (found === undefined || posture === undefined)
    throw deviceErrors.error('device_unknown', 'The directory does not have this device, or no longer.');
  // A device whose holder has left is nobody's until it is given to somebody.
  if (
    found.institution !== directory.principal(person)?.institution ||
    (found.holder !== undefined && found.holder !== person)
  )
    throw deviceErrors.error('device_not_yours', 'This device belongs to somebody else. Use your own.');
  if (posture.posture !== 'compliant')
    throw deviceErrors.error(
      'device_failing',
      `This device does not meet the rules of your firm${posture.failed.length === 0 ? '' : ` (${posture.failed.join(', ')})`}. Have it mended, or use another.`,
    );
  const age = now - (parseInstant(posture.postureAt) ?? 0);
  if (age > maxAgeMs || age < -clockLeadMs)
    throw deviceErrors.error('device_stale', 'Nobody has looked at this device lately. Let it be checked.');
}
