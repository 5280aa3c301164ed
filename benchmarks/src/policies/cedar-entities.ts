import { createEntitySnapshot, createLazySnapshot, type EntityInput, type EntitySnapshot } from '@countersign/cedar';
import type { DirectorySnapshot } from '@countersign/contracts';
import type { LoadedBundle } from '@countersign/policy-engine';

/** The directory as the policies see it, for those who ask them without the engine. */
export function cedarEntities(directory: DirectorySnapshot, bundle: LoadedBundle): EntitySnapshot {
  return createLazySnapshot({
    load: ({ type, id }) => entityOf(directory, type, id),
    localTypes: new Set(['Transaction', 'Instrument', 'Mandate', 'Resource']),
    base: createEntitySnapshot(bundle.entities),
  });
}

function entityOf(directory: DirectorySnapshot, type: string, id: string): EntityInput | undefined {
  switch (type) {
    case 'Institution': {
      const found = directory.institution(id);
      if (found === undefined) return undefined;
      const { country, leiStatus, compliance } = found;
      return entity(type, id, [], {
        country: reference('Jurisdiction', country),
        leiStatus,
        ...(compliance === undefined ? {} : { suitableFor: compliance.suitableFor, category: compliance.category }),
      });
    }
    case 'Person': {
      const found = directory.principal(id);
      if (found === undefined) return undefined;
      const desk = directory.desk(`${found.institution}/${found.desk}`);
      const institution = reference('Institution', found.institution);
      const parents = [...(desk === undefined ? [] : [uid('Desk', desk.id)]), institution.__entity];
      return entity(type, id, parents, {
        institution,
        roles: found.roles,
        ...(desk === undefined ? {} : { desk: reference('Desk', desk.id) }),
      });
    }
    case 'Desk': {
      const found = directory.desk(id);
      if (found === undefined) return undefined;
      const institution = reference('Institution', found.institution);
      return entity(type, id, [institution.__entity], {
        products: found.products,
        venues: found.venues.map((mic) => reference('Venue', mic)),
        jurisdictions: found.jurisdictions.map((country) => reference('Jurisdiction', country)),
      });
    }
    case 'Account': {
      const found = directory.account(id);
      if (found === undefined) return undefined;
      const institution = reference('Institution', found.institution);
      return entity(type, id, [institution.__entity], { institution });
    }
    case 'Venue': {
      const found = directory.venue(id);
      if (found === undefined) return undefined;
      return entity(type, id, [], { country: reference('Jurisdiction', found.country) });
    }
    default:
      return undefined;
  }
}

const uid = (type: string, id: string) => ({ type, id });
const reference = (type: string, id: string) => ({ __entity: uid(type, id) });
const entity = (type: string, id: string, parents: EntityInput['parents'], attrs: EntityInput['attrs']) => ({
  uid: uid(type, id),
  attrs,
  parents,
});
