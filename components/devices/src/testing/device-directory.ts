import {
  type Device,
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
  type Institution,
  type Person,
  type PrincipalId,
} from '@countersign/contracts';
import { type Lei, parseCountry } from '@countersign/market';
import { leiOf, personOf } from '@countersign/testkit';

export const broker = leiOf('529900BROKER');
export const bank = leiOf('529900BANK');

export const anna = personOf('anna.keller', broker, 'trader');
export const ben = personOf('ben.ito', broker, 'trader');
export const chloe = personOf('chloe.martin', bank, 'trader');

function deviceOf(name: string, institution: Lei, holder?: PrincipalId): Device {
  const known = { id: `device:${name}`, institution, posture: 'compliant', postureAt: '2026-11-20T09:00:00Z' } as const;
  return holder === undefined ? known : { ...known, holder };
}
export const annas = deviceOf('ws-anna', broker, anna.id);
export const shared = deviceOf('ws-shared', broker);
export const banks = deviceOf('ws-bank', bank);

/** An in-memory directory; a change is visible at once, under a new version. */
export function deviceDirectory() {
  const people = new Map([anna, ben, chloe].map((each) => [each.id, each]));
  const devices = new Map([annas, shared, banks].map((each) => [each.id, each]));
  let current = snapshotOf(1, people, devices);
  const changed = () => {
    current = snapshotOf(current.version + 1, people, devices);
  };
  return {
    snapshot: () => current,
    snapshotAtLeast: async (version: number) => {
      if (current.version >= version) return current;
      throw directoryErrors.error('directory_behind', 'The directory is behind.');
    },
    put(device: Device) {
      devices.set(device.id, device);
      changed();
    },
    drop(device: string) {
      devices.delete(device);
      changed();
    },
    /** A person who has left is known but has no authority. */
    leave(person: PrincipalId) {
      people.delete(person);
      changed();
    },
  } satisfies Pick<Directory, 'snapshot' | 'snapshotAtLeast'> & Record<string, unknown>;
}
export type DeviceDirectory = ReturnType<typeof deviceDirectory>;

function snapshotOf(
  version: number,
  peopleNow: ReadonlyMap<string, Person>,
  devicesNow: ReadonlyMap<string, Device>,
): DirectorySnapshot {
  const [people, devices] = [new Map(peopleNow), new Map(devicesNow)];
  const country = parseCountry('DE');
  if (!country.ok) throw new Error(country.detail);
  const institutions = new Map<string, Institution>(
    [[broker, 'Example Broker AG'] as const, [bank, 'Example Bank & Söhne <KG>'] as const].map(([lei, name]) => [
      lei,
      { lei, name, country: country.value, leiStatus: 'ISSUED' },
    ]),
  );
  const nothing = () => undefined;
  return {
    version,
    institution: (lei) => institutions.get(lei),
    principal: (id) => people.get(id),
    knownPrincipal: (id) => [anna, ben, chloe].find((person) => person.id === id),
    device: (id) => devices.get(id),
    devices: () => devices.values(),
    clients: () => [],
    keyHolder: () => undefined,
    institutions: () => institutions.values(),
    principals: () => people.values(),
    accounts: () => [],
    venues: () => [],
    resources: () => [],
    credential: nothing,
    recordOf: nothing,
    federatedPerson: nothing,
    personalClaims: nothing,
    client: nothing,
    account: nothing,
    venue: nothing,
    instrument: nothing,
    rate: nothing,
    resource: nothing,
    desk: nothing,
    branch: nothing,
    contract: nothing,
    shortCode: nothing,
  };
}
