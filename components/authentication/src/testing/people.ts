import {
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
  type Institution,
  type Person,
  type Principal,
  parsePrincipalId,
  type Service,
} from '@countersign/contracts';
import { type Lei, parseCountry } from '@countersign/market';
import { leiOf, personOf } from '@countersign/testkit';

function institutionOf(lei: Lei, name: string, leiStatus: Institution['leiStatus']): Institution {
  const country = parseCountry('DE');
  if (!country.ok) throw new Error(country.detail);
  return { lei, name, country: country.value, leiStatus };
}

export const broker = leiOf('529900BROKER');
export const bank = leiOf('529900BANK');
export const retired = leiOf('529900LAPSED');

export const anna: Person = { ...personOf('anna.keller', broker, 'trader'), desk: 'rates' };
export const ben: Person = { ...personOf('ben.ito', broker, 'supervisor', 'signatory'), desk: 'rates' };
export const chloe = personOf('chloe.martin', bank, 'operator');
export const larry: Person = { ...personOf('larry.old', retired, 'trader'), desk: 'rates' };
const omsId = parsePrincipalId('service:oms');
if (omsId === undefined) throw new Error('no principal id');
export const oms: Service = {
  kind: 'service',
  id: omsId,
  institution: broker,
  roles: ['order-entry'],
};

/** A directory in memory; a change is visible at once, under a new version. */
export interface PeopleDirectory extends Pick<Directory, 'snapshot' | 'snapshotAtLeast'> {
  add(principal: Principal): void;
  remove(id: string): void;
  setLeiStatus(lei: Lei, status: Institution['leiStatus']): void;
  /** Registers the name under which an issuer knows a person. */
  knowAs(person: Person, issuer: string, subject: string): void;
  /** Another node's view, fixed at the current state until `follow` is called. */
  behind(): Pick<Directory, 'snapshot' | 'snapshotAtLeast'> & { follow(): void };
}

export function peopleDirectory(): PeopleDirectory {
  const institutions = new Map<string, Institution>([
    [broker, institutionOf(broker, 'Example Broker AG', 'ISSUED')],
    [bank, institutionOf(bank, 'Example Bank & Söhne <KG>', 'ISSUED')],
    [retired, institutionOf(retired, 'Retired Trading Ltd', 'RETIRED')],
  ]);
  const principals = new Map<string, Principal>([anna, ben, chloe, larry, oms].map((each) => [each.id, each]));
  const names = new Map<string, string>();
  let current = snapshotOf(1, institutions, principals, names);
  const changed = () => {
    current = snapshotOf(current.version + 1, institutions, principals, names);
  };
  return {
    snapshot: () => current,
    async snapshotAtLeast(version) {
      if (current.version >= version) return current;
      throw directoryErrors.error('directory_behind', 'The directory is behind.');
    },
    add(principal) {
      principals.set(principal.id, principal);
      changed();
    },
    remove(id) {
      principals.delete(id);
      changed();
    },
    setLeiStatus(lei, leiStatus) {
      const institution = institutions.get(lei);
      if (institution === undefined) throw new Error(`no institution ${lei}`);
      institutions.set(lei, { ...institution, leiStatus });
      changed();
    },
    knowAs({ id }, issuer, subject) {
      names.set(JSON.stringify([issuer, subject]), id);
      changed();
    },
    behind() {
      let seen = current;
      let follows = false;
      return {
        snapshot: () => seen,
        async snapshotAtLeast(version) {
          if (follows) seen = current;
          if (seen.version >= version) return seen;
          throw directoryErrors.error('directory_behind', 'The directory is behind.');
        },
        follow() {
          follows = true;
        },
      };
    },
  };
}

function snapshotOf(
  version: number,
  institutionsNow: ReadonlyMap<string, Institution>,
  principalsNow: ReadonlyMap<string, Principal>,
  namesNow: ReadonlyMap<string, string>,
): DirectorySnapshot {
  const names = new Map(namesNow);
  const institutions = new Map(institutionsNow);
  const principals = new Map(principalsNow);
  const nothing = () => undefined;
  return {
    version,
    institution: (lei) => institutions.get(lei),
    principal: (id) => principals.get(id),
    knownPrincipal: (id) => principals.get(id),
    institutions: () => institutions.values(),
    principals: () => principals.values(),
    accounts: () => [],
    venues: () => [],
    credential: nothing,
    recordOf: nothing,
    personalClaims: () => undefined,
    federatedPerson(issuer, subject) {
      const found = principals.get(names.get(JSON.stringify([issuer, subject])) ?? '');
      return found?.kind === 'person' ? found : undefined;
    },
    client: nothing,
    account: nothing,
    venue: nothing,
    instrument: nothing,
    rate: nothing,
    resource: nothing,
    desk: nothing,
    device: nothing,
    branch: nothing,
    contract: nothing,
    shortCode: nothing,
    resources: () => [],
    devices: () => [],
    clients: () => [],
    keyHolder: (kid) =>
      [...principals.values()].find(
        (principal) =>
          principal.kind === 'person' && principal.credentials.some((credential) => credential.kid === kid),
      )?.id,
  };
}
