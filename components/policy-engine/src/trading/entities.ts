import type { Account, Desk, DirectorySnapshot, Institution, Principal, Venue } from '@countersign/contracts';
import { defined, type Json, parseInstant, toInstant } from '@countersign/kernel';
import type { LocalEntity, Uid } from '../decision/question.ts';

/** Members are in the order of RFC 8785, here and in all parts of a decision's input, so that `JSON.stringify` is canonical. */
export const reference = (type: string, id: string) => ({ __entity: { id, type } });
export const uidOf = (type: string, id: string) => ({ id, type });
const datetime = (at: number) => ({ __extn: { arg: toInstant(at), fn: 'datetime' } });

/** An entity of the directory. The same source and variant make the same entity, so that it can be cached. */
interface DirectoryEntity {
  readonly source: object;
  /** Further content of the entity: for a principal, its registered desk. */
  readonly variant: string;
  make(): LocalEntity;
}

const typeOfKind = { agent: 'Agent', person: 'Person', service: 'Service' } as const;

export function principalUid({ kind, id }: Pick<Principal, 'kind' | 'id'>): Uid {
  return uidOf(typeOfKind[kind], id);
}

/** An entity of the directory, with the type in `policies/schema.cedarschema`. */
export function directoryEntity(directory: DirectorySnapshot, { type, id }: Uid): DirectoryEntity | undefined {
  switch (type) {
    case 'Institution':
      return found(directory.institution(id), institutionEntity);
    case 'Person':
    case 'Service':
    case 'Agent': {
      const principal = directory.principal(id);
      if (principal === undefined || typeOfKind[principal.kind] !== type) return undefined;
      const desk = deskOf(directory, principal);
      return { source: principal, variant: desk?.id ?? '', make: () => principalEntity(principal, desk) };
    }
    case 'Desk':
      return found(directory.desk(id), deskEntity);
    case 'Account':
      return found(directory.account(id), accountEntity);
    case 'Venue':
      return found(directory.venue(id), venueEntity);
    default:
      return undefined;
  }
}

function found<Source extends object>(
  source: Source | undefined,
  make: (source: Source) => LocalEntity,
): DirectoryEntity | undefined {
  return source === undefined ? undefined : { source, variant: '', make: () => make(source) };
}

/** The principal's desk, if the directory has its entitlements. */
export function deskOf(directory: DirectorySnapshot, { institution, desk }: Principal): Desk | undefined {
  // The id contains the institution, because two firms may both have a desk named `rates`.
  return desk === undefined ? undefined : directory.desk(`${institution}/${desk}`);
}

function institutionEntity({ lei, country, leiStatus, compliance, dataRegions }: Institution): LocalEntity {
  // Policies see the other compliance findings through `gates`, for all institutions of a transaction together.
  const { category, suitableFor } = compliance ?? {};
  return entity('Institution', lei, [], {
    ...(category === undefined ? {} : { category }),
    country: reference('Jurisdiction', country),
    ...(dataRegions === undefined ? {} : { dataRegions: [...dataRegions] }),
    leiStatus,
    ...(suitableFor === undefined ? {} : { suitableFor: [...suitableFor] }),
  });
}

/** The last millisecond of a day in UTC; undefined for an invalid day. */
export function endOfDay(day: string): number | undefined {
  return parseInstant(`${day}T23:59:59.999Z`);
}

function principalEntity(principal: Principal, desk: Desk | undefined): LocalEntity {
  const { institution, roles } = principal;
  const parents = [...(desk === undefined ? [] : [uidOf('Desk', desk.id)]), uidOf('Institution', institution)];
  return entity(typeOfKind[principal.kind], principal.id, parents, {
    ...(desk === undefined ? {} : { desk: reference('Desk', desk.id) }),
    institution: reference('Institution', institution),
    ...(principal.kind === 'agent' ? { model: modelOf(principal.model) } : {}),
    roles: [...roles],
  });
}

function modelOf(model: Extract<Principal, { kind: 'agent' }>['model']) {
  const { artifactSha256, certificateId, configurationSha256, modelId, status, version } = model;
  return { artifactSha256, certificateId, ...defined({ configurationSha256 }), modelId, status, version };
}

function deskEntity({ id, institution, products, venues, jurisdictions }: Desk): LocalEntity {
  return entity('Desk', id, [uidOf('Institution', institution)], {
    jurisdictions: jurisdictions.map((country) => reference('Jurisdiction', country)),
    products: [...products],
    venues: venues.map((mic) => reference('Venue', mic)),
  });
}

function accountEntity({ id, institution }: Account): LocalEntity {
  return entity('Account', id, [uidOf('Institution', institution)], {
    institution: reference('Institution', institution),
  });
}

/** A MIC expires at the start of its expiry day in UTC; an unreadable day counts as expired. */
function venueEntity({ mic, country, expiryDate }: Venue): LocalEntity {
  const expires = expiryDate === undefined ? undefined : (parseInstant(`${expiryDate}T00:00:00Z`) ?? 0);
  return entity('Venue', mic, [], {
    country: reference('Jurisdiction', country),
    ...(expires === undefined ? {} : { expires: datetime(expires) }),
  });
}

function entity(type: string, id: string, parents: readonly Uid[], attrs: Readonly<Record<string, Json>>): LocalEntity {
  return { attrs, parents, uid: uidOf(type, id) };
}
