import type { Directory, PrincipalId } from '@countersign/contracts';
import type { About } from './records.ts';

/** Of whom a record speaks; also of somebody who has left. */
export function aboutPerson(directory: Pick<Directory, 'snapshot'>, person: PrincipalId): About {
  const snapshot = directory.snapshot();
  return { person, institution: (snapshot.principal(person) ?? snapshot.knownPrincipal(person))?.institution };
}
