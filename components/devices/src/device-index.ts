import type { Device, DirectorySnapshot } from '@countersign/contracts';

/** The devices of one version of the directory; each list by ascending id. */
export interface DeviceIndex {
  ofInstitution(lei: string): readonly Device[];
  heldBy(person: string): readonly Device[];
}

const indexes = new WeakMap<DirectorySnapshot, DeviceIndex>();

/** Computed on first use. */
export function deviceIndexOf(snapshot: DirectorySnapshot): DeviceIndex {
  const known = indexes.get(snapshot);
  if (known !== undefined) return known;
  const devices = [...snapshot.devices()].sort((one, other) => (one.id < other.id ? -1 : 1));
  const byInstitution = grouped(devices, ({ institution }) => institution);
  const byHolder = grouped(devices, ({ holder }) => holder);
  const index: DeviceIndex = {
    ofInstitution: (lei) => byInstitution.get(lei) ?? [],
    heldBy: (person) => byHolder.get(person) ?? [],
  };
  indexes.set(snapshot, index);
  return index;
}

function grouped(devices: readonly Device[], by: (device: Device) => string | undefined) {
  const groups = new Map<string, Device[]>();
  for (const device of devices) {
    const name = by(device);
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), device]);
  }
  return groups;
}
