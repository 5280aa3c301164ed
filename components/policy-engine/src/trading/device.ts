import { EntityReference, UnrelatedEntity } from '@countersign/cedar';
import type { Device, Devices } from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import { recordShape, type ValueMaker } from '../decision/value-maker.ts';
import type { KnownDirectory, KnownPrincipal } from './known-directory.ts';
import { knownReference } from './known-reference.ts';

const deviceRecord = recordShape('holder', 'institution', 'posture', 'postureAt');

/** A device counts if it is the person's own, or a shared one of their institution. */
export function countingDevice(
  id: string | undefined,
  principal: KnownPrincipal | undefined,
  { snapshot }: KnownDirectory,
): Device | undefined {
  const device = id === undefined || principal === undefined ? undefined : snapshot.device(id);
  if (device === undefined || principal === undefined || device.institution !== principal.institution) return undefined;
  return device.holder === undefined || device.holder === principal.id ? device : undefined;
}

/**
 * The device as an entity of one question, because its posture changes much more often than the directory. It references the same
 * entities as the principal.
 */
export function deviceEntity(
  device: Device,
  principal: KnownPrincipal,
  devices: Pick<Devices, 'postureOf'> | undefined,
  make: ValueMaker,
): UnrelatedEntity {
  const { posture, postureAt } = devices?.postureOf(device.id) ?? device;
  const institution = knownReference('Institution', device.institution);
  return new UnrelatedEntity(
    // Not a cached reference, because a long-lived reference would keep the question in memory.
    new EntityReference('Device', make.text(device.id)),
    deviceRecord([
      /* holder */ device.holder === undefined ? undefined : principal.reference,
      institution,
      /* posture */ make.text(posture),
      /* postureAt */ make.datetime(toInstant(parseInstant(postureAt) ?? 0)),
    ]),
    [institution],
  );
}
