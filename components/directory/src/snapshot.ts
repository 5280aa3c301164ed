import type {
  Account,
  Branch,
  Client,
  Contract,
  Credential,
  Desk,
  Device,
  DirectorySnapshot,
  Institution,
  Instrument,
  Person,
  PersonalClaims,
  Principal,
  PrincipalId,
  Rate,
  Resource,
  Venue,
} from '@countersign/contracts';
import { type RecordId, unreachable } from '@countersign/kernel';
import type { Entity, Graph } from './entry.ts';
import { type KeyTimes, nameOfKey } from './key-times.ts';

export function buildSnapshot(
  version: number,
  graph: Graph,
  records: ReadonlyMap<string, RecordId>,
  keyTimes: KeyTimes,
): DirectorySnapshot {
  const institutions = new Map<string, Institution>();
  const principals = new Map<string, Principal>();
  const inactive = new Map<string, Principal>();
  const federated = new Map<string, Map<string, Person>>();
  const personal = new Map<string, PersonalClaims>();
  const credentials = new Map<string, Credential>();
  const clients = new Map<string, Client>();
  const accounts = new Map<string, Account>();
  const venues = new Map<string, Venue>();
  const instruments = new Map<string, Instrument>();
  const rates = new Map<string, Rate>();
  const branches = new Map<string, Branch>();
  const contracts = new Map<string, Contract>();
  const shortCodes = new Map<string, number>();
  const desks = new Map<string, Desk>();
  const devices = new Map<string, Device>();
  const resources = new Map<string, Resource>();
  const keyHolders = new Map<string, PrincipalId>();

  for (const { id, entity } of graph.values()) {
    switch (entity.kind) {
      case 'institution':
        institutions.set(id, entity.value);
        break;
      case 'branch':
        branches.set(id, entity.value);
        break;
      case 'contract':
        contracts.set(id, entity.value);
        break;
      case 'short-code':
        shortCodes.set(id, entity.value.code);
        break;
      case 'person':
        for (const { kid } of entity.value.credentials) keyHolders.set(kid, entity.value.id);
        // Look-ups that authorise an action must not find inactive people.
        if (entity.value.active === false) {
          inactive.set(id, entity.value);
          break;
        }
        principals.set(id, entity.value);
        if (entity.claims !== undefined) personal.set(id, entity.claims);
        for (const { issuer, subject } of entity.federated) {
          const subjects = federated.get(issuer) ?? new Map<string, Person>();
          federated.set(issuer, subjects.set(subject, entity.value));
        }
        for (const credential of entity.value.credentials) credentials.set(credential.kid, credential);
        break;
      case 'service':
      case 'agent':
        principals.set(id, entity.value);
        break;
      case 'client':
        clients.set(id, clientOf(entity, keyTimes));
        for (const { thumbprint } of entity.keys) keyHolders.set(thumbprint, entity.value.principal);
        break;
      case 'account':
        accounts.set(id, entity.value);
        break;
      case 'venue':
        venues.set(id, entity.value);
        break;
      case 'instrument':
        instruments.set(id, entity.value);
        break;
      case 'rate':
        rates.set(id, entity.value);
        break;
      case 'desk':
        desks.set(id, entity.value);
        break;
      case 'device':
        devices.set(id, entity.value);
        break;
      case 'resource':
        resources.set(id, entity.value);
        break;
      default:
        unreachable(entity);
    }
  }

  return Object.freeze({
    version,
    institution: (lei: string) => institutions.get(lei),
    principal: (id: string) => principals.get(id),
    knownPrincipal: (id: string) => principals.get(id) ?? inactive.get(id),
    federatedPerson: (issuer: string, subject: string) => federated.get(issuer)?.get(subject),
    personalClaims: (person: string) => personal.get(person),
    credential: (kid: string) => credentials.get(kid),
    client: (id: string) => clients.get(id),
    account: (id: string) => accounts.get(id),
    venue: (mic: string) => venues.get(mic),
    instrument: (id: string) => instruments.get(id),
    rate: (id: string) => rates.get(id),
    resource: (uri: string) => resources.get(uri),
    desk: (id: string) => desks.get(id),
    device: (id: string) => devices.get(id),
    branch: (id: string) => branches.get(id),
    contract: (id: string) => contracts.get(id),
    shortCode: (venue: string, holder: string) => shortCodes.get(`${venue}/${holder}`),
    recordOf: (principal: string) => records.get(principal),
    institutions: () => institutions.values(),
    principals: () => principals.values(),
    accounts: () => accounts.values(),
    venues: () => venues.values(),
    resources: () => resources.values(),
    devices: () => devices.values(),
    clients: () => clients.values(),
    keyHolder: (thumbprint: string) => keyHolders.get(thumbprint),
  });
}

function clientOf({ value, keys }: Extract<Entity, { kind: 'client' }>, keyTimes: KeyTimes): Client {
  return {
    ...value,
    keys: keys.map((key) => {
      const registeredAt = keyTimes.get(nameOfKey(value.id, key.thumbprint));
      if (registeredAt === undefined) throw new Error(`the time of a key of ${value.id} is not recorded`);
      return { ...key, registeredAt };
    }),
  };
}
