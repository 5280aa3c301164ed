import {
  type Actor,
  appendOnce,
  type BreakGlass,
  breakGlassErrors,
  createIndependence,
  createStandingCheck,
  type Declaration,
  emergencySeconds,
  type Incident,
  type Person,
  type PrincipalId,
  type SignedStatement,
  unsettlingSignals,
} from '@countersign/contracts';
import { type CodedError, epochSeconds, type IncidentId, isCodedError, newId, toInstant } from '@countersign/kernel';
import { createRounds, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { createAlarm } from './alarm.ts';
import { breakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import { readDeclaration, readWords } from './read-declaration.ts';
import {
  groundsOf,
  holderOf,
  incidentDeclared,
  incidentEnded,
  incidentGranted,
  incidentRefused,
  incidentReviewed,
} from './records.ts';
import { isUnreviewed, requireProven } from './row-claims.ts';
import { declarationDigest, shown } from './shown.ts';
import { incidentClaims, requireAbout, signSeconds } from './statement.ts';
import {
  endAccess,
  findIncident,
  grantIncident,
  hasUnreviewed,
  insertIncident,
  keepReview,
  keepToken,
  listIncidents,
  lockIncident,
  lockPeople,
  type StoredIncident,
} from './store.ts';
import { en } from './texts/en.ts';
import { createWatch, nextLook } from './watch.ts';

export interface RunningBreakGlass extends BreakGlass {
  /** Whether this person may declare, or be the second holder. */
  isHolder(person: PrincipalId): boolean;
  isReviewer(person: PrincipalId): boolean;
  /** Looks at what is due now; runs by itself. */
  lookAtDue(): Promise<void>;
  stop(): Promise<void>;
}

const mostListed = 100;
const mostCollections = 10;
type Verdict = NonNullable<Incident['review']>['verdict'];
type Step = Parameters<typeof incidentRefused>[1]['step'];

/**
 * Emergency access. Two holders sign for it, everybody who watches is alarmed before anybody has it, it lives for a
 * quarter of an hour and can only see and stop; a third person reviews it, or both holders are locked out.
 *
 * @throws CodedError `configuration_invalid`
 */
export function createBreakGlass(dependencies: BreakGlassDependencies): RunningBreakGlass {
  const { pool, audit, directory, statements, register, tokens, clock, random, logger, issuer } = dependencies;
  const independent = createIndependence(register);
  const settings = breakGlassSettings(dependencies.config, dependencies.environment);
  const { acrValues, holderRole, reviewRoles } = settings;
  const from = { clock, random };
  const standings = createStandingCheck({ ...from, log: audit, source: 'break-glass' });
  const alarm = createAlarm(dependencies, settings);
  const watch = createWatch({ ...dependencies, alarm, standings });
  const rounds = createRounds({
    what: 'emergencies',
    work: watch.lookAtDue,
    logger,
    everyMs: dependencies.everyMs ?? 5_000,
  });

  const personOf = (id: string): Person | undefined => {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  };
  const isHolder = (id: string): boolean => personOf(id)?.roles.includes(holderRole) === true;
  const isReviewer = (id: string): boolean => personOf(id)?.roles.some((role) => reviewRoles.includes(role)) === true;

  /** What goes wrong in `work` is recorded as a refusal before it is thrown. */
  async function recorded<Result>(
    attempt: { readonly step: Step; readonly by: string; readonly incident?: StoredIncident },
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isCodedError(error) || !Object.hasOwn(breakGlassErrors.codes, error.code)) throw error;
      const { step, by, incident } = attempt;
      const institution = personOf(by)?.institution;
      const actor: Actor = { id: by, ...(institution === undefined ? {} : { institution }) };
      await audit.append(
        incidentRefused(from, { step, reason: error.code, by: actor, ...(incident === undefined ? {} : { incident }) }),
      );
      throw error;
    }
  }

  /** An access that is over is looked at for its review, whoever ended it. */
  const proven = (stored: StoredIncident): Promise<StoredIncident> =>
    requireProven(standings, stored, (stored.endsAt ?? 0) > clock.now() ? 'with-access' : 'also-ended');

  async function load(session: pg.Pool | pg.PoolClient, id: IncidentId): Promise<StoredIncident> {
    const stored = await findIncident(session, id);
    if (stored === undefined) throw unknownIncident();
    return proven(stored);
  }

  /** Of several who act at once, the second sees what the first did. */
  function decide<Result>(
    id: IncidentId,
    attempt: { readonly step: Step; readonly by: string },
    work: (stored: StoredIncident, session: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    return transaction(pool, async (session) => {
      const stored = await lockIncident(session, id);
      if (stored === undefined) throw unknownIncident();
      return recorded({ ...attempt, incident: stored }, async () => work(await proven(stored), session));
    });
  }

  const isUnsettled = (id: PrincipalId): boolean =>
    dependencies.signals?.of(id).some((signal) => unsettlingSignals.has(signal)) === true;

  function requireHolder(id: PrincipalId): Person {
    const person = personOf(id);
    if (person === undefined || !person.roles.includes(holderRole))
      throw breakGlassErrors.error('incident_not_holder', `Emergency access is for holders of the role ${holderRole}.`);
    if (isUnsettled(id))
      throw breakGlassErrors.error(
        'incident_not_holder',
        'Something about the account of a holder has to settle first.',
      );
    return person;
  }

  /** Both signed as who they were then; access is only for as long as both still are, and are let in. */
  async function requireStanding({ holder, second }: StoredIncident): Promise<void> {
    for (const each of second === undefined ? [holder] : [holder, second]) {
      requireHolder(each);
      if (await register.isLocked(each))
        throw breakGlassErrors.error('incident_not_holder', 'The account of one of the two holders is locked.');
    }
  }

  async function requireReviewed(session: pg.Pool | pg.PoolClient, person: PrincipalId, but?: IncidentId) {
    if ((await hasUnreviewed(session, person, but)) || (await isUnreviewed(audit, person, but)))
      throw breakGlassErrors.error(
        'incident_unreviewed',
        'The last emergency in which you were a holder has not been reviewed: that comes first.',
      );
  }

  async function requireSecond(stored: StoredIncident, second: PrincipalId): Promise<void> {
    const person = requireHolder(second);
    if (person.institution !== stored.institution) throw unknownIncident();
    if (second === stored.holder)
      throw breakGlassErrors.error('incident_same_person', 'The second holder is somebody else than the first.');
    if (!(await independent([second], [stored.holder])))
      throw breakGlassErrors.error(
        'incident_not_independent',
        'One of you was let in by the other: somebody else has to be the second holder.',
      );
    if (stored.status !== 'declared') throw decided(stored);
    if (stored.secondBefore <= clock.now())
      throw breakGlassErrors.error('incident_over', 'No second holder came in time; it has to be declared again.');
  }

  async function requireReviewer(stored: StoredIncident, reviewer: PrincipalId): Promise<void> {
    const person = personOf(reviewer);
    if (person === undefined || person.institution !== stored.institution) throw unknownIncident();
    if (!isReviewer(reviewer) || isUnsettled(reviewer) || reviewer === stored.holder || reviewer === stored.second)
      throw breakGlassErrors.error(
        'incident_not_reviewer',
        'It is reviewed by somebody who had no part in it and whose role is to review.',
      );
    for (const holder of stored.second === undefined ? [stored.holder] : [stored.holder, stored.second])
      if (!(await independent([reviewer], [holder])))
        throw breakGlassErrors.error(
          'incident_not_reviewer',
          'You and one of the two holders were let in by each other: somebody else has to review it.',
        );
    if (stored.status !== 'granted' && stored.status !== 'overdue') throw decided(stored);
    if ((stored.endsAt ?? 0) > clock.now())
      throw breakGlassErrors.error('incident_running', 'The access still runs: it is reviewed when it has ended.');
  }

  const aboutSecond = (stored: StoredIncident) => ({
    incident: stored.id,
    holder: stored.holder,
    digest: declarationDigest(stored),
  });
  const aboutReview = (stored: StoredIncident, verdict: Verdict, note: string) => ({
    ...aboutSecond(stored),
    verdict,
    note,
  });
  const ask = (
    step: Parameters<typeof incidentClaims>[0],
    person: PrincipalId,
    about: Readonly<Record<string, string>>,
  ) =>
    statements.ask({ person, claims: incidentClaims(step, person, about, from), acrValues, lifeSeconds: signSeconds });
  const signed = () => ({ now: clock.now(), acrValues });

  return {
    isHolder,
    isReviewer,

    async askToDeclare(declaration, holder) {
      const declared = readDeclaration(declaration, directory.snapshot(), issuer);
      requireHolder(holder);
      await requireReviewed(pool, holder);
      return ask('declare', holder, { digest: declarationDigest(declared) });
    },

    declare: (declaration: Declaration, statement: SignedStatement) => {
      const { person: holder, acr } = statement.authenticator;
      return recorded({ step: 'declare', by: holder }, async () => {
        const declared = readDeclaration(declaration, directory.snapshot(), issuer);
        const person = requireHolder(holder);
        requireAbout(statement, 'declare', { digest: declarationDigest(declared) }, signed());
        const now = clock.now();
        const stored: StoredIncident = {
          ...declared,
          id: newId('incident', from),
          status: 'declared',
          holder,
          institution: person.institution,
          declaredAt: now,
          secondBefore: now + settings.secondMs,
          recordId: newId('record', from),
          acr,
          signedAt: statement.claims.iat * 1000,
          second: undefined,
          grantedAt: undefined,
          grantedRecord: undefined,
          endsAt: undefined,
          token: undefined,
          collections: 0,
          reviewDueAt: undefined,
          reminded: false,
          review: undefined,
          endRecord: newId('record', from),
        };
        return transaction(pool, async (session) => {
          await lockPeople(session, [holder]);
          await requireReviewed(session, holder);
          await insertIncident(session, stored);
          await audit.append(incidentDeclared(stored, statement));
          alarm.sound('declared', stored);
          await alarm.tellReviewers(
            stored,
            'break-glass-declared',
            en.notices.declared(holder, declared.reference, declared.reason),
          );
          return shown(stored);
        });
      });
    },

    async askToSecond(id, second) {
      const stored = await load(pool, id);
      await requireSecond(stored, second);
      await requireReviewed(pool, second, id);
      return ask('second', second, aboutSecond(stored));
    },

    second: (id, statement) => {
      const { person: second } = statement.authenticator;
      return decide(id, { step: 'second', by: second }, async (stored, session) => {
        await requireSecond(stored, second);
        // The first holder's standing counts now, and not when they declared.
        await requireStanding(stored);
        requireAbout(statement, 'second', aboutSecond(stored), signed());
        await lockPeople(session, [stored.holder, second]);
        await requireReviewed(session, second, id);
        const at = clock.now();
        const endsAt = at + emergencySeconds * 1000;
        const reviewDueAt = at + settings.reviewMs;
        const recordId = newId('record', from);
        await audit.append(incidentGranted(recordId, stored, { statement, endsAt, reviewDueAt }));
        alarm.sound('granted', stored);
        const { holder, reference } = stored;
        await alarm.tellReviewers(
          stored,
          'break-glass-declared',
          en.notices.granted(holder, second, reference, toInstant(endsAt)),
        );
        await alarm.tellReviewers(
          stored,
          'break-glass-review-due',
          en.notices.reviewDue(holder, reference, toInstant(reviewDueAt)),
        );
        await grantIncident(session, id, {
          second,
          at,
          recordId,
          endsAt,
          reviewDueAt,
          next: nextLook(reviewDueAt, at),
        });
        return shown(await load(session, id));
      });
    },

    collect: (id, jkt) =>
      transaction(pool, async (session) => {
        const stored = await lockIncident(session, id);
        // Whoever has not the key learns nothing, not even whether there is such an incident.
        if (stored === undefined || (stored.jkt as string) !== jkt) throw unknownIncident();
        return recorded({ step: 'collect', by: stored.holder, incident: stored }, async () => {
          if (stored.status !== 'granted') throw decided(stored);
          await requireProven(standings, stored, 'with-access');
          if (stored.collections >= mostCollections)
            throw breakGlassErrors.error('incident_collected', 'The access was collected too often.');
          const left = Math.floor(((stored.endsAt ?? 0) - clock.now()) / 1000);
          if (left < 1) throw breakGlassErrors.error('incident_over', 'The access has ended.');
          await requireStanding(stored);
          if (stored.token !== undefined)
            await tokens.revoke({ kind: 'token', id: stored.token }, holderOf(stored), `incident ${id} collected anew`);
          const issued = await tokens.issueEmergency({
            incident: id,
            subject: stored.holder,
            client: dependencies.client,
            resource: stored.resource,
            scopes: stored.scopes,
            jkt,
            lifetimeSeconds: left,
            authentication: { acr: stored.acr, authTime: epochSeconds(stored.signedAt) },
            references: groundsOf(stored),
          });
          await keepToken(session, id, issued.tokenId);
          alarm.sound('collected', stored);
          return { accessToken: issued.accessToken, scopes: stored.scopes, expiresAt: issued.expiresAt };
        });
      }),

    end: (id, by) =>
      decide(id, { step: 'end', by }, async (stored, session) => {
        const institution = personOf(by)?.institution;
        if (institution !== stored.institution) throw unknownIncident();
        if (by !== stored.holder && by !== stored.second)
          throw breakGlassErrors.error('incident_not_holder', 'It is ended by one of its two holders.');
        if (stored.status !== 'granted') throw decided(stored);
        if ((stored.endsAt ?? 0) <= clock.now())
          throw breakGlassErrors.error('incident_over', 'The access has ended already.');
        const actor = { id: by, institution };
        await appendOnce(audit, incidentEnded(stored, actor));
        if (stored.token !== undefined)
          await tokens.revoke({ kind: 'token', id: stored.token }, actor, `incident ${id} ended`);
        await endAccess(session, id, clock.now());
        alarm.sound('ended', stored);
        return shown(await load(session, id));
      }),

    async askToReview(id, verdict, note, reviewer) {
      const stored = await load(pool, id);
      await requireReviewer(stored, reviewer);
      return ask('review', reviewer, aboutReview(stored, verdict, readNote(note)));
    },

    review: async (id, verdict, note, statement) => {
      const { person: reviewer } = statement.authenticator;
      // What follows from a review that did not come in time follows first, also where nobody has looked since.
      await watch.endIfOverdue(id);
      return decide(id, { step: 'review', by: reviewer }, async (stored, session) => {
        await requireReviewer(stored, reviewer);
        const words = readNote(note);
        requireAbout(statement, 'review', aboutReview(stored, verdict, words), signed());
        await audit.append(incidentReviewed(from, stored, { statement, verdict, note: words }));
        await keepReview(session, id, { by: reviewer, at: toInstant(clock.now()), verdict, note: words });
        alarm.sound('reviewed', stored);
        return shown(await load(session, id));
      });
    },

    async find(id) {
      const stored = await findIncident(pool, id);
      return stored === undefined ? undefined : shown(stored);
    },
    async list({ institution, status }) {
      return (await listIncidents(pool, { institution, status, limit: mostListed })).map(shown);
    },
    lookAtDue: rounds.run,
    stop: rounds.stop,
  };
}

function readNote(note: string): string {
  return readWords(note, 10, 400, 'What you found', 'note');
}

function unknownIncident(): CodedError {
  return breakGlassErrors.error('incident_unknown', 'There is no such incident.');
}

function decided({ status }: StoredIncident): CodedError {
  return breakGlassErrors.error('incident_decided', `It is ${status} already.`, { facts: { status } });
}
