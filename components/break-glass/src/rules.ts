import { createSecondPerson, type DualControl } from '@countersign/commands';
import {
  blockingSignals,
  breakGlassErrors,
  createIndependence,
  type Incident,
  type Person,
  type PrincipalId,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { BreakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { IncidentState } from './incident-state.ts';
import { readWords } from './read-declaration.ts';

export type Verdict = NonNullable<Incident['review']>['verdict'];
type At = { readonly now: number };

/** A second holder grants the access. Both sign the digest of the declaration (`statement.ts`). */
export const secondHolder = {
  what: 'declaration',
  approves: 'id',
  waitsMs: 'configured',
  quorum: 1,
  proposer: 'keeps-role',
  separates: { people: 'the declarer and the second holder are different people' },
  codes: {
    settled: 'incident_decided',
    expired: 'incident_over',
    self: 'incident_same_person',
    dependent: 'incident_not_independent',
  },
  error: breakGlassErrors.error,
  words: {
    expired: 'No second holder agreed in time. Declare a new incident.',
    self: 'The second holder must be another person than the first.',
    dependent: 'One of you invited the other. Another person must be the second holder.',
  },
} as const satisfies DualControl<keyof typeof breakGlassErrors.codes>;

const noReviewer = 'A review needs a reviewer role and must be by somebody who was not involved.';

/** A third person reviews what the two holders did. */
export const incidentReview = {
  what: 'emergency',
  approves: 'id',
  waitsMs: 'until-decided',
  quorum: 1,
  proposer: 'may-leave',
  separates: { people: 'a holder does not review it' },
  codes: { settled: 'incident_decided', self: 'incident_not_reviewer', dependent: 'incident_not_reviewer' },
  error: breakGlassErrors.error,
  words: {
    self: noReviewer,
    dependent: 'You or one of the holders invited the other one. Another person must review it.',
  },
} as const satisfies DualControl<keyof typeof breakGlassErrors.codes>;

/** Who may currently do what. Each rule throws CodedError of `breakGlassErrors`. */
export type BreakGlassRules = ReturnType<typeof createRules>;

export function createRules(
  { directory, register, signals, clock }: Pick<BreakGlassDependencies, 'directory' | 'register' | 'signals' | 'clock'>,
  { holderRole, reviewRoles }: Pick<BreakGlassSettings, 'holderRole' | 'reviewRoles'>,
) {
  const independence = createIndependence(register);
  const secondPerson = createSecondPerson(secondHolder, { independence, clock });
  const thirdPerson = createSecondPerson(incidentReview, { independence, clock });

  const personOf = (id: string): Person | undefined => {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  };
  const isHolder = (id: string): boolean => personOf(id)?.roles.includes(holderRole) === true;
  const isReviewer = (id: string): boolean => personOf(id)?.roles.some((role) => reviewRoles.includes(role)) === true;
  const isUnsettled = (id: PrincipalId): boolean =>
    signals?.of(id).some((signal) => blockingSignals.has(signal)) === true;

  function requireHolder(id: PrincipalId): Person {
    const person = personOf(id);
    if (person === undefined || !person.roles.includes(holderRole))
      throw breakGlassErrors.error('incident_not_holder', `Emergency access is for holders of the role ${holderRole}.`);
    if (isUnsettled(id))
      throw breakGlassErrors.error(
        'incident_not_holder',
        'The account of a holder is in recovery or under review. Try again when that has ended.',
      );
    return person;
  }

  return {
    personOf,
    isHolder,
    isReviewer,
    requireHolder,

    /** Both holders must still hold the role and not be locked out. */
    async requireEligible(incident: IncidentState): Promise<void> {
      for (const each of holdersOf(incident)) {
        requireHolder(each);
        if (await register.isLocked(each))
          throw breakGlassErrors.error(
            'incident_not_holder',
            'The account of one of the two holders is locked. Declare a new incident with other holders.',
          );
      }
    },

    async requireSecond(incident: IncidentState, second: PrincipalId): Promise<void> {
      const person = requireHolder(second);
      if (person.institution !== incident.institution) throw unknownIncident();
      const refusal = await secondPerson.refusalOf(
        {
          people: [incident.holder],
          proposedAt: incident.declaredAt,
          expiresAt: incident.secondBefore,
          decided: incident.status === 'declared' ? undefined : incident.status,
        },
        { people: [second] },
      );
      if (refusal !== undefined) throw refusal;
    },

    async requireReviewer(incident: IncidentState, reviewer: PrincipalId, { now }: At): Promise<void> {
      const person = personOf(reviewer);
      if (person === undefined || person.institution !== incident.institution) throw unknownIncident();
      if (!isReviewer(reviewer) || isUnsettled(reviewer))
        throw breakGlassErrors.error('incident_not_reviewer', noReviewer);
      const refusal = await thirdPerson.refusalOf(
        {
          people: holdersOf(incident),
          proposedAt: incident.declaredAt,
          decided: incident.status === 'granted' || incident.status === 'overdue' ? undefined : incident.status,
        },
        { people: [reviewer] },
      );
      if (refusal !== undefined) throw refusal;
      if ((incident.endsAt ?? 0) > now)
        throw breakGlassErrors.error('incident_running', 'The access has not ended yet. Review it afterwards.');
    },

    /** Only the two holders end it, while it lasts. */
    requireEnding(incident: IncidentState, by: PrincipalId, { now }: At): void {
      if (personOf(by)?.institution !== incident.institution) throw unknownIncident();
      if (!holdersOf(incident).includes(by))
        throw breakGlassErrors.error('incident_not_holder', 'Only one of the two holders can end this access.');
      if (incident.status !== 'granted') throw decided(incident);
      if ((incident.endsAt ?? 0) <= now) throw over();
    },
  };
}

export function holdersOf({ holder, second }: IncidentState): readonly PrincipalId[] {
  return second === undefined ? [holder] : [holder, second];
}

/** @throws CodedError `incident_unreviewed` */
export function requireReviewed(unreviewed: boolean): void {
  if (unreviewed)
    throw breakGlassErrors.error(
      'incident_unreviewed',
      'The last incident in which you were a holder has not been reviewed. It must be reviewed first.',
    );
}

/** @throws CodedError `incident_malformed` */
export function readNote(note: string): string {
  return readWords(note, 10, 400, 'What you found', 'note');
}

export function unknownIncident(): CodedError {
  return breakGlassErrors.error('incident_unknown', 'There is no such incident.');
}

export function decided({ status }: IncidentState): CodedError {
  return breakGlassErrors.error('incident_decided', `This incident is already ${status}.`, { facts: { status } });
}

export function over(): CodedError {
  return breakGlassErrors.error('incident_over', 'The access has ended. Declare a new incident if you still need it.');
}
