import { type DirectorySnapshot, type Institution, isInBusiness, type Person } from '@countersign/contracts';

export type Eligibility =
  | { readonly status: 'eligible'; readonly person: Person; readonly institution: Institution }
  | { readonly status: 'unknown'; readonly code: 'person_unknown' }
  | { readonly status: 'ineligible'; readonly code: 'institution_not_issued'; readonly person: Person };

export function eligibilityOf(directory: DirectorySnapshot, id: string): Eligibility {
  const person = directory.principal(id);
  if (person?.kind !== 'person') return { status: 'unknown', code: 'person_unknown' };
  const institution = directory.institution(person.institution);
  if (institution === undefined || !isInBusiness(institution))
    return { status: 'ineligible', code: 'institution_not_issued', person };
  return { status: 'eligible', person, institution };
}
