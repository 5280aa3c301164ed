import {
  type DirectorySnapshot,
  directoryErrors,
  type InstitutionCompliance,
  type Requester,
} from '@countersign/contracts';
import { type CodedError, canonicalize } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, entryKey, type Graph, keyOf } from '../entry.ts';
import type { State } from '../state.ts';

/** A change under one scope may not touch the parts of another. */
export type ChangeScope = 'directory:apply' | 'compliance:record' | 'reference:record' | 'partner:register';

function changedFindings({ written }: Pick<ChangeSet, 'written'>, before: Graph): readonly Entry[] {
  return written.filter((entry) => {
    const found = (one: Entry | undefined): string => canonicalize(one?.document['compliance'] ?? null);
    return entry.entity.kind === 'institution' && found(entry) !== found(before.get(entryKey(entry)));
  });
}

/** Only the file that fills an empty directory may contain findings. */
export function refuseFindings(
  changeSet: ChangeSet,
  { stored, version }: Pick<State, 'stored' | 'version'>,
  scope: ChangeScope,
): CodedError | undefined {
  if (scope === 'compliance:record' || version === 0) return undefined;
  const changed = changedFindings(changeSet, stored).map(({ id }) => id);
  if (changed.length === 0) return undefined;
  return directoryErrors.error(
    'compliance_scope_required',
    'Findings about an institution are recorded by compliance (POST /directory/findings, scope compliance:record). ' +
      'Leave `compliance` out; the recorded findings stay.',
    { facts: { institutions: changed.slice(0, 100), institution_count: changed.length } },
  );
}

/** A client may hold the scope for everyone who signs in through it, so people also need the role. */
export function refuseOutsideCompliance(
  { id, institution }: Requester,
  snapshot: Pick<DirectorySnapshot, 'principal'>,
  isOperator: (institution: string) => boolean,
): CodedError | undefined {
  const holdsRole = !id.startsWith('person:') || snapshot.principal(id)?.roles.includes('compliance') === true;
  if (institution !== undefined && isOperator(institution) && holdsRole) return undefined;
  return directoryErrors.error(
    'compliance_scope_required',
    "Findings are recorded by the operator's compliance: by its software, or by people who have the role compliance.",
  );
}

/** Software may screen again, but only people may ease a finding. */
export function refuseSoftwareEasing({ id }: Requester): CodedError | undefined {
  if (id.startsWith('person:')) return undefined;
  return directoryErrors.error(
    'person_needed',
    'Only a person of compliance can propose a better finding; software can record an unchanged or worse one. Sign in as a person.',
  );
}

/** Institutions for which more business would become possible. */
export function easedFindings(changeSet: ChangeSet, before: Graph): readonly string[] {
  return changedFindings(changeSet, before)
    .filter((entry) => eases(complianceOf(before.get(entryKey(entry))), complianceOf(entry)))
    .map(({ id }) => id);
}

function complianceOf(entry: Entry | undefined): InstitutionCompliance | undefined {
  return entry?.entity.kind === 'institution' ? entry.entity.value.compliance : undefined;
}

/** From best to worst. */
const risks = ['low', 'medium', 'high', 'prohibited'];
const results = ['clear', 'review', 'match'];

/** A newer screening date means only that a screening was repeated. */
function eases(was: InstitutionCompliance | undefined, is: InstitutionCompliance | undefined): boolean {
  if (is === undefined) return false;
  if (was === undefined) return true;
  return (
    (is.kyc.status === 'approved' && (was.kyc.status !== 'approved' || is.kyc.validUntil > was.kyc.validUntil)) ||
    risks.indexOf(is.amlRisk) < risks.indexOf(was.amlRisk) ||
    results.indexOf(is.sanctions.result) < results.indexOf(was.sanctions.result) ||
    is.category !== was.category ||
    is.suitableFor.some((product) => !was.suitableFor.includes(product))
  );
}

/** A file has no findings; the recorded ones are added. */
export function withFindings(entries: readonly Entry[], stored: Graph): readonly Entry[] {
  return entries.map((entry) => {
    const { entity, document } = entry;
    const before = stored.get(keyOf(entity.kind, entry.id));
    const compliance = complianceOf(before);
    const written = before?.document['compliance'];
    if (entity.kind !== 'institution' || document['compliance'] !== undefined) return entry;
    if (compliance === undefined || written === undefined) return entry;
    return {
      ...entry,
      document: { ...document, compliance: written },
      entity: { kind: 'institution', value: { ...entity.value, compliance } },
    };
  });
}
