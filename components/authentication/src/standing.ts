import { type DirectorySnapshot, type Institution, isInBusiness, type Person } from '@countersign/contracts';

export type Standing =
  | { readonly standing: 'may-act'; readonly person: Person; readonly institution: Institution }
  | { readonly standing: 'unknown'; readonly code: 'person_unknown' }
  | { readonly standing: 'barred'; readonly code: 'institution_not_issued'; readonly person: Person };

/** Whether the directory has this person, at an institution that may act. */
export function standingOf(directory: DirectorySnapshot, id: string): Standing {
  const person = directory.principal(id);
  if (person?.kind !== 'person') return { standing: 'unknown', code: 'person_unknown' };
  const institution = directory.institution(person.institution);
  if (institution === undefined || !isInBusiness(institution))
    return { standing: 'barred', code: 'institution_not_issued', person };
  return { standing: 'may-act', person, institution };
}
