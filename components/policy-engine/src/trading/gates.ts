import { Datetime, type EntityReference, type RecordValue } from '@countersign/cedar';
import type { Institution, InstitutionCompliance } from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import { recordShape, type ValueMaker } from '../decision/value-maker.ts';
import { endOfDay } from './entities.ts';
import { knownReference } from './known-reference.ts';

const risks = ['low', 'medium', 'high', 'prohibited', 'unknown'] as const;
type Risk = (typeof risks)[number];

export interface Standing {
  readonly kycUntil: number;
  readonly risk: Risk;
  readonly riskRank: number;
  readonly sanctionsClear: boolean;
  /** The epoch if it was never screened. */
  readonly screenedAt: number;
  /** The same as a Cedar value. */
  readonly screened: Datetime;
  readonly issued: boolean;
  /** Undefined if the directory does not have the institution. */
  readonly country: EntityReference | undefined;
}

/** Tolerated clock difference; a later screening does not count. */
const clockSkewMs = 60_000;

const nobodyKnows: Standing = {
  kycUntil: Number.NEGATIVE_INFINITY,
  risk: 'unknown',
  riskRank: risks.indexOf('unknown'),
  sanctionsClear: false,
  issued: false,
  country: undefined,
  ...screening(0),
};

/**
 * The worst compliance finding of each kind, and the institution that has it. A missing finding counts as the worst.
 * @param named the institutions whose registration and country are checked here
 */
export function gatesOver(
  leis: readonly string[],
  named: readonly string[],
  directory: { standingOf(lei: string): Standing },
  { at, make }: { readonly at: number; readonly make: Pick<ValueMaker, 'set'> },
): RecordValue {
  let kycFailing = '';
  let worst: Standing | undefined;
  let amlWorst = '';
  let sanctionsFailing = '';
  let oldest: Standing | undefined;
  let sanctionsOldestOf = '';
  let sanctionsPostdatedOf: string | undefined;
  for (const lei of leis) {
    const standing = directory.standingOf(lei);
    if (kycFailing === '' && standing.kycUntil < at) kycFailing = lei;
    if (worst === undefined || standing.riskRank > worst.riskRank) {
      worst = standing;
      amlWorst = lei;
    }
    if (sanctionsFailing === '' && !standing.sanctionsClear) sanctionsFailing = lei;
    const postdated = standing.screenedAt > at + clockSkewMs;
    if (postdated) sanctionsPostdatedOf ??= lei;
    const screened = postdated ? nobodyKnows : standing;
    if (oldest === undefined || screened.screenedAt < oldest.screenedAt) {
      oldest = screened;
      sanctionsOldestOf = lei;
    }
  }
  // An empty set is treated like an unknown institution.
  const { risk: amlRisk } = worst ?? nobodyKnows;
  const { screened: sanctionsOldest } = oldest ?? nobodyKnows;
  const kycCurrent = worst !== undefined && kycFailing === '';
  const sanctionsClear = worst !== undefined && sanctionsFailing === '';
  let leiFailing = '';
  const countries = new Map<string, EntityReference>();
  for (const lei of named) {
    const { issued, country } = directory.standingOf(lei);
    if (leiFailing === '' && !issued) leiFailing = lei;
    if (country !== undefined) countries.set(country.id, country);
  }
  return gatesRecord([
    amlRisk,
    amlWorst,
    /* countries */ make.set([...countries.values()]),
    kycCurrent,
    kycFailing,
    leiFailing,
    /* leisActive */ leiFailing === '',
    sanctionsClear,
    sanctionsFailing,
    sanctionsOldest,
    sanctionsOldestOf,
    sanctionsPostdatedOf,
  ]);
}

const gatesRecord = recordShape(
  ...(['amlRisk', 'amlWorst', 'countries', 'kycCurrent', 'kycFailing', 'leiFailing'] as const),
  ...(['leisActive', 'sanctionsClear', 'sanctionsFailing', 'sanctionsOldest'] as const),
  ...(['sanctionsOldestOf', 'sanctionsPostdatedOf'] as const),
);

export function standingOf(institution: Institution | undefined): Standing {
  if (institution === undefined) return nobodyKnows;
  const { compliance, country, leiStatus } = institution;
  const found = compliance === undefined ? nobodyKnows : readStanding(compliance);
  return { ...found, issued: leiStatus === 'ISSUED', country: knownReference('Jurisdiction', country) };
}

function readStanding({ kyc, amlRisk, sanctions }: InstitutionCompliance): Omit<Standing, 'issued' | 'country'> {
  const riskRank = risks.indexOf(amlRisk);
  return {
    kycUntil: (kyc.status === 'approved' ? endOfDay(kyc.validUntil) : undefined) ?? Number.NEGATIVE_INFINITY,
    risk: riskRank === -1 ? 'unknown' : amlRisk,
    riskRank: riskRank === -1 ? risks.indexOf('unknown') : riskRank,
    sanctionsClear: sanctions.result === 'clear',
    ...screening(parseInstant(sanctions.screenedAt) ?? 0),
  };
}

function screening(screenedAt: number) {
  return { screenedAt, screened: new Datetime(screenedAt, toInstant(screenedAt)) };
}
