import type {
  Credential,
  Directory,
  DirectorySnapshot,
  Institution,
  Instrument,
  Person,
  Principal,
} from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';

/** An in-memory directory: tests may change it at any time, with immediate effect. */
export interface SmallDirectory extends Pick<Directory, 'snapshot'> {
  readonly institutions: Map<string, Institution>;
  readonly principals: Map<string, Principal>;
  readonly credentials: Map<string, Credential>;
  readonly records: Map<string, RecordId>;
  readonly instruments: Map<string, Instrument>;
  /** By issuer, a space and subject. */
  readonly federated: Map<string, Person>;
  /** By venue, a space and holder. */
  readonly shortCodes: Map<string, number>;
}

export function createSmallDirectory(content: {
  readonly institutions: readonly Institution[];
  readonly principals: readonly Principal[];
}): SmallDirectory {
  const institutions = new Map(content.institutions.map((institution) => [institution.lei, institution]));
  const principals = new Map<string, Principal>(content.principals.map((principal) => [principal.id, principal]));
  const credentials = new Map<string, Credential>();
  const records = new Map<string, RecordId>();
  const shortCodes = new Map<string, number>();
  const federated = new Map<string, Person>();
  const instruments = new Map<string, Instrument>();
  const nothing = () => undefined;
  const isActive = (principal: Principal | undefined) => principal?.kind !== 'person' || principal.active !== false;
  const snapshot: DirectorySnapshot = {
    version: 1,
    institution: (lei) => institutions.get(lei as Institution['lei']),
    principal: (id) => (isActive(principals.get(id)) ? principals.get(id) : undefined),
    knownPrincipal: (id) => principals.get(id),
    credential: (kid) => credentials.get(kid),
    recordOf: (principal) => records.get(principal),
    institutions: () => institutions.values(),
    principals: () => principals.values(),
    federatedPerson: (issuer, subject) => federated.get(`${issuer} ${subject}`),
    personalClaims: nothing,
    client: nothing,
    account: nothing,
    venue: nothing,
    instrument: (id) => instruments.get(id),
    rate: nothing,
    resource: nothing,
    desk: nothing,
    device: nothing,
    branch: nothing,
    contract: nothing,
    shortCode: (venue, holder) => shortCodes.get(`${venue} ${holder}`),
    accounts: () => [],
    venues: () => [],
    resources: () => [],
    devices: () => [],
    clients: () => [],
    keyHolder: () => undefined,
  };
  return {
    institutions: institutions as Map<string, Institution>,
    principals,
    credentials,
    records,
    instruments,
    federated,
    shortCodes,
    snapshot: () => snapshot,
  };
}
