import { Datetime, type RecordValue } from '@countersign/cedar';
import type { Institution, InstitutionCompliance } from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import { recordShape } from '../decision/record-shape.ts';
import { endOfDay } from './entities.ts';

const risks = ['low', 'medium', 'high', 'prohibited', 'unknown'] as const;
type Risk = (typeof risks)[number];

/** What compliance has found of an institution, as it is compared. */
export interface Standing {
  readonly kycUntil: number;
  readonly risk: Risk;
  readonly riskRank: number;
  readonly sanctionsClear: boolean;
  /** The epoch where it was never screened. */
  readonly screenedAt: number;
  /** The same for the policies. */
  readonly screened: Datetime;
}

/** A clock may be so far ahead of ours. What was found later than that was not found: a screening is no promise. */
const clockSkewMs = 60_000;

const nobodyKnows: Standing = {
  kycUntil: Number.NEGATIVE_INFINITY,
  risk: 'unknown',
  riskRank: risks.indexOf('unknown'),
  sanctionsClear: false,
  ...screening(0),
};

/**
 * What compliance has to say of a set of institutions: of each question the worst answer, and whose it is. What is not
 * known of one counts as the worst.
 *
 * @param at milliseconds since the epoch
 * @returns the schema's `gates`
 */
export function gatesOver(
  leis: readonly string[],
  directory: { standingOf(lei: string): Standing },
  at: number,
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
  // Nobody was asked about: nothing is known, which is no better than an unknown institution.
  const { risk: amlRisk } = worst ?? nobodyKnows;
  const { screened: sanctionsOldest } = oldest ?? nobodyKnows;
  const kycStands = worst !== undefined && kycFailing === '';
  const sanctionsClear = worst !== undefined && sanctionsFailing === '';
  return gatesRecord([
    amlRisk,
    amlWorst,
    kycFailing,
    kycStands,
    sanctionsClear,
    sanctionsFailing,
    sanctionsOldest,
    sanctionsOldestOf,
    sanctionsPostdatedOf,
  ]);
}

const gatesRecord = recordShape(
  'amlRisk',
  'amlWorst',
  'kycFailing',
  'kycStands',
  'sanctionsClear',
  'sanctionsFailing',
  'sanctionsOldest',
  'sanctionsOldestOf',
  'sanctionsPostdatedOf',
);

/** What compliance has found of an institution that the directory has, or has not. */
export function standingOf(institution: Institution | undefined): Standing {
  return institution?.compliance === undefined ? nobodyKnows : readStanding(institution.compliance);
}

function readStanding({ kyc, amlRisk, sanctions }: InstitutionCompliance): Standing {
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
