import type { EvidenceQuery, EvidenceRecord } from '@countersign/contracts';
import { createGenerations, type Json, membersOf, parseInstant, sha256 } from '@countersign/kernel';
import { mandatesNamedIn } from '../mandate-column.ts';

/** Version of the rules below. A new number rebuilds the index of the whole log. */
export const termRule = 1;

/** Restricted values are never indexed. */
type Termed = Pick<
  EvidenceRecord,
  'type' | 'subject' | 'actors' | 'client' | 'device' | 'mandate' | 'partner' | 'references' | 'data'
>;

export function termsOf(record: Termed): readonly string[] {
  const { subject, actors = [], client, device, partner, references = [] } = record;
  const acting = [...(subject === undefined ? [] : [subject]), ...actors];
  return [
    ...new Set([
      ...[...acting.map(({ id }) => id), ...(device === undefined ? [] : [device])].map(principalTerm),
      ...acting.flatMap(({ institution }) => (institution === undefined ? [] : [institutionTerm(institution)])),
      ...(client === undefined ? [] : [clientTerm(client)]),
      ...mandatesNamedIn(record).map(mandateTerm),
      ...[...(partner === undefined ? [] : [partner]), ...partnersNamedIn(record)].map(partnerTerm),
      ...references.map(restsOnTerm),
    ]),
  ];
}

export function termsAskedBy({
  person,
  agent,
  client,
  mandate,
  partner,
  institution,
}: EvidenceQuery): readonly string[] {
  return [
    ...[person, agent].flatMap((id) => (id === undefined ? [] : [principalTerm(id)])),
    ...(institution === undefined ? [] : [institutionTerm(institution)]),
    ...(client === undefined ? [] : [clientTerm(client)]),
    ...(mandate === undefined ? [] : [mandateTerm(mandate)]),
    ...(partner === undefined ? [] : [partnerTerm(partner)]),
  ];
}

const principalTerm = (id: string) => `principal ${id}`;
const institutionTerm = (lei: string) => `institution ${lei}`;
const clientTerm = (id: string) => `client ${id}`;
export const mandateTerm = (id: string) => `mandate ${id}`;
const partnerTerm = (lei: string) => `partner ${lei}`;
/** Records that refer to another one. */
export const restsOnTerm = (id: string) => `rests-on ${id}`;

/** Most terms repeat those of the records before. */
const numbers = createGenerations<string, bigint>(50_000);

/** Numbers may collide: the records that are read decide. */
export function termNumber(term: string): bigint {
  return numbers.get(term) ?? numbers.keep(term, sha256(`${termRule} ${term}`).readBigInt64BE(0));
}

function partnersNamedIn({ type, data }: Termed): readonly string[] {
  const members = membersOf(data);
  if (type.startsWith('partner.')) return leisOf([members?.['profile']], 'institution');
  if (!type.startsWith('mandate.')) return [];
  const { grantor, grantee, thirdParty } = membersOf(members?.['mandate']) ?? {};
  return leisOf([grantor, grantee, thirdParty], 'lei');
}

function leisOf(parties: readonly (Json | undefined)[], member: string): readonly string[] {
  return parties.map((party) => membersOf(party)?.[member]).filter((lei) => typeof lei === 'string');
}

/** Whether a record meets all criteria of a query. */
export function matches(query: Omit<EvidenceQuery, 'after' | 'limit'>, record: EvidenceRecord): boolean {
  const { transaction, decision, types, from, until } = query;
  if (transaction !== undefined && record.transaction !== transaction) return false;
  if (types !== undefined && !types.includes(record.type)) return false;
  if (from !== undefined || until !== undefined) {
    const time = parseInstant(record.time);
    if (time === undefined || time < (from ?? time) || time >= (until ?? time + 1)) return false;
  }
  const asked = termsAskedBy(query);
  if (asked.length === 0 && decision === undefined) return true;
  const terms = new Set(termsOf(record));
  if (!asked.every((term) => terms.has(term))) return false;
  return decision === undefined || record.id === decision || terms.has(restsOnTerm(decision));
}
