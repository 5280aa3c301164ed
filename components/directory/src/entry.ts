import type {
  Account,
  Agent,
  Branch,
  Client,
  ClientKey,
  Contract,
  Desk,
  Device,
  DirectoryChange,
  Institution,
  Instrument,
  Person,
  PersonalClaims,
  Rate,
  Resource,
  Service,
  ShortCode,
  Venue,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

export type EntityKind = Exclude<DirectoryChange['kind'], 'partner'>;

export type EntityChange = DirectoryChange & { readonly kind: EntityKind };

export type JsonDocument = { readonly [key: string]: Json };

interface FederatedName {
  readonly issuer: string;
  readonly subject: string;
}

/** A document cannot state since when a key is held. */
export type WrittenKey = Omit<ClientKey, 'registeredAt'>;
export type WrittenClient = Omit<Client, 'keys'>;

export type Entity =
  | { readonly kind: 'institution'; readonly value: Institution }
  | { readonly kind: 'branch'; readonly value: Branch }
  | { readonly kind: 'contract'; readonly value: Contract }
  | { readonly kind: 'short-code'; readonly value: ShortCode }
  | { readonly kind: 'desk'; readonly value: Desk }
  | { readonly kind: 'device'; readonly value: Device }
  | {
      readonly kind: 'person';
      readonly value: Person;
      readonly federated: readonly FederatedName[];
      readonly claims?: PersonalClaims;
    }
  | { readonly kind: 'service'; readonly value: Service }
  | { readonly kind: 'agent'; readonly value: Agent }
  | { readonly kind: 'client'; readonly value: WrittenClient; readonly keys: readonly WrittenKey[] }
  | { readonly kind: 'account'; readonly value: Account }
  | { readonly kind: 'venue'; readonly value: Venue }
  | { readonly kind: 'instrument'; readonly value: Instrument }
  | { readonly kind: 'rate'; readonly value: Rate }
  | { readonly kind: 'resource'; readonly value: Resource };

export const ownerless = '';

export interface Entry {
  readonly id: string;
  readonly owner: Lei | typeof ownerless;
  readonly entity: Entity;
  /** Every list sorted, because lists in the file are sets. */
  readonly document: JsonDocument;
  readonly path: string;
}

/** By {@link keyOf}; entries of the file come last, so that a clash is reported there. */
export type Graph = ReadonlyMap<string, Entry>;

export function keyOf(kind: EntityKind, id: string): string {
  return `${kind} ${id}`;
}

export function entryKey({ id, entity }: Entry): string {
  return keyOf(entity.kind, id);
}

export function graphOf(entries: readonly Entry[]): Graph {
  return new Map(entries.map((entry) => [entryKey(entry), entry]));
}

/** As a file would write it, without a person's name, email and names at identity providers. */
export function shownDocument({ entity, document }: Entry): JsonDocument {
  const { federated: _, ...shown } = document;
  if (entity.kind !== 'person') return shown;
  const { name: _name, email: _email, ...person } = shown;
  return person;
}
