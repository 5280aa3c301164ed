import { createTextReader, type EntityInput } from '@countersign/cedar';
import type { Flip, FlipCount, RecordPage, SimulationRange, SimulationReport } from '@countersign/contracts';
import type { Digest, Json } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { standingApprovalsOf } from '../decision/find-remedies.ts';
import { heldToLimits, type LimitFinding } from '../decision/limit-finding.ts';
import type { Question } from '../decision/question.ts';
import { memoised } from '../memoised.ts';
import { memberOf } from './json-members.ts';
import { createLimitTrial } from './limit-trial.ts';
import { type ComparedDecision, createRecordReader, type RecordTexts } from './record-reader.ts';
import { headOf, neverAsked, stepFinding, stepTextsOn, textsOn } from './recorded.ts';
import {
  createQuestions,
  type RecordedEntity,
  type RecordedOutline,
  readEntityFact,
  readRecordedInput,
  rulesFor,
} from './recorded-question.ts';
import { judgeAgain, saysTheSame } from './replay.ts';

export type TrialFilter = Pick<SimulationRange, 'action' | 'principal' | 'institution' | 'desk'>;

export interface DecidedBy {
  readonly version: number;
  readonly hash: Digest;
}

const maxFacts = 200_000;

export interface Trial {
  /** Evaluates a page until a record needs missing entities or limits. @returns what the rest of the page needs */
  read(page: RecordPage): { readonly digests: readonly Digest[]; readonly versions: readonly DecidedBy[] };
  judge(
    facts: Iterable<readonly [Digest, string]>,
    limits?: Iterable<readonly [Digest, readonly Json[] | undefined]>,
  ): void;
  counts(): Counts;
  tried(): ReadonlyMap<string, number>;
}

/** @param limitsTried ids of the tested limits; decisions keep their recorded readings of all others */
export function createTrial(bundle: LoadedBundle, filter: TrialFilter, limitsTried: readonly string[] = []): Trial {
  const tally = createTally();
  const facts = new Map<Digest, EntityInput>();
  const questions = createQuestions(bundle, (digest) => facts.get(digest));
  const ofModels = new Map<string, ReturnType<typeof createQuestions>>();
  const readRecord = createRecordReader(createTextReader(bundle.parsed.schema));
  const limits = limitsTried.length === 0 ? undefined : createLimitTrial(bundle.limits, limitsTried);
  /** Lists of entities that are completely available. */
  let complete = new WeakSet<readonly RecordedEntity[]>();
  let waiting: Recorded[] = [];

  function isComplete(entities: readonly RecordedEntity[]): boolean {
    if (complete.has(entities)) return true;
    if (entities.some(({ digest }) => !facts.has(digest))) return false;
    complete.add(entities);
    return true;
  }

  /** Institution and desk of the principal at that time; empty if unknown. */
  function placeOf({ principal, entities }: RecordedOutline): Pick<Flip, 'institution' | 'desk'> {
    const own = entities.find(({ uid }) => uid.id === principal.id && uid.type === principal.type);
    const fact = own === undefined ? undefined : facts.get(own.digest);
    return fact === undefined ? nowhere : placeIn(fact);
  }

  function findingsOn({ decision, held, question }: Recorded) {
    if (held === undefined) return undefined;
    const { finding, ofStep } = held;
    const isStanding = (role: string) => standingApprovalsOf(question(), role) > 0;
    const again = limits === undefined ? finding : limits.again(finding, decision.policyHash, isStanding);
    // The limits of a step are separate from its decision, so they matter only if the outcome changes.
    return ofStep && isOpen(finding) === isOpen(again) ? undefined : { finding, again };
  }

  function judgeOne(one: Recorded): void {
    const { decision: recorded, input, question, text } = one;
    if (!isComplete(input.entities)) {
      tally.skip('entity_missing');
      return;
    }
    const { institution, desk } = placeOf(input);
    const place = { institution, desk, action: input.action };
    if (filter.institution !== undefined && filter.institution !== institution) return;
    if (filter.desk !== undefined && filter.desk !== desk) return;
    const findings = findingsOn(one);
    const rules = rulesFor(bundle, input);
    // Without the application model its types are unknown, which denies.
    const said = judgeAgain(rules ?? bundle, {}, input.unevaluable || rules === undefined ? undefined : question());
    const verdict = findings === undefined ? said : heldToLimits(said, findings.again);
    const was = recorded.decision && (findings === undefined || isOpen(findings.finding));
    const outcome =
      was === verdict.decision
        ? saysTheSame(recorded, verdict)
          ? 'same'
          : 'otherwise'
        : was
          ? 'permit-to-deny'
          : 'deny-to-permit';
    tally.count(place, outcome, () => {
      const { id, time } = headOf(text);
      const past = {
        before: was ? [] : idsOf(findings?.finding),
        after: said.decision && !verdict.decision ? idsOf(findings?.again) : [],
      };
      return {
        record: id,
        at: time,
        principal: input.principal.id,
        ...place,
        from: was ? 'permit' : 'deny',
        to: verdict.decision ? 'permit' : 'deny',
        before: past.before.length > 0 ? [] : recorded.determining,
        after: verdict.determining,
        ...(past.before.length + past.after.length > 0 ? { limits: past } : {}),
      };
    });
  }

  /** @returns undefined for a record without a decision to evaluate */
  function readOne(texts: RecordTexts, page: RecordPage, place: number): Recorded | undefined {
    const { decision, read, inputMissing } = readRecord(texts);
    if (inputMissing) {
      tally.skip('input_missing');
      return undefined;
    }
    // A record without a decision is a refusal before the policies, and does not count as skipped.
    if (decision === undefined) return undefined;
    const asked: Asked | undefined =
      read === undefined
        ? askedIn(decision.input)
        : { input: read.outline, question: () => questions.fromValues(read.outline, read) };
    if (asked === undefined || neverAsked(decision) !== undefined) {
      tally.skip(asked === undefined ? 'input_unreadable' : 'never_asked');
      return undefined;
    }
    const { input } = asked;
    if (filter.action !== undefined && filter.action !== input.action) return undefined;
    if (filter.principal !== undefined && filter.principal !== input.principal.id) return undefined;
    return { decision, ...asked, held: heldIn(asked, decision, page, place), text: texts.record };
  }

  function heldIn({ input }: Asked, { decision }: ComparedDecision, page: RecordPage, place: number): Recorded['held'] {
    if (input.limits !== undefined) return { finding: input.limits, ofStep: false };
    const finding = limits === undefined || !decision ? undefined : stepFinding(stepTextsOn(page, place));
    return finding === undefined ? undefined : { finding, ofStep: true };
  }

  function lacksLimits({ held, decision }: Recorded): boolean {
    return held !== undefined && limits?.needs(held.finding, decision.policyHash) === true;
  }

  function questionsFor({ application }: RecordedOutline): ReturnType<typeof createQuestions> {
    if (application === undefined) return questions;
    let own = ofModels.get(application);
    if (own === undefined) {
      own = createQuestions({ entities: [] }, (digest) => facts.get(digest));
      ofModels.set(application, own);
    }
    return own;
  }

  function askedIn(json: unknown): Asked | undefined {
    const input = readRecordedInput(json);
    return input === undefined ? undefined : { input, question: () => questionsFor(input).from(input) };
  }

  return {
    read(page) {
      if (facts.size > maxFacts) {
        facts.clear();
        complete = new WeakSet();
      }
      const wanted = new Set<Digest>();
      const versions = new Map<Digest, DecidedBy>();
      for (let place = 0; place < page.records; place++) {
        const recorded = readOne(textsOn(page, place), page, place);
        if (recorded === undefined) continue;
        // Evaluate immediately if possible, so that objects die young and cost the garbage collector nothing.
        const lacks = lacksLimits(recorded);
        if (waiting.length === 0 && !lacks && isComplete(recorded.input.entities)) judgeOne(recorded);
        else {
          waiting.push(recorded);
          for (const { digest } of recorded.input.entities) if (!facts.has(digest)) wanted.add(digest);
          const { policyVersion: version, policyHash: hash } = recorded.decision;
          if (lacks) versions.set(hash, { version, hash });
        }
      }
      return { digests: [...wanted], versions: [...versions.values()] };
    },
    judge(given, limitsGiven = []) {
      for (const [hash, of] of limitsGiven) limits?.give(hash, of);
      for (const [digest, text] of given) {
        const fact = readEntityFact(digest, text);
        if (fact !== undefined) facts.set(digest, fact);
      }
      for (const recorded of waiting) judgeOne(recorded);
      waiting = [];
    },
    counts: () => tally.counts(),
    tried: () => limits?.tried() ?? new Map(),
  };
}

interface Asked {
  readonly input: RecordedOutline;
  question(): Question;
}

interface Recorded extends Asked {
  readonly decision: ComparedDecision;
  readonly held: { readonly finding: LimitFinding; readonly ofStep: boolean } | undefined;
  readonly text: string;
}

const isOpen = ({ outcome }: LimitFinding): boolean => outcome === 'reserved';

const idsOf = (finding: LimitFinding | undefined): readonly string[] => [
  ...new Set(finding?.exceeded.map(({ limit }) => limit)),
];

const nowhere = { institution: '', desk: '' };
const placeIn = memoised(({ attrs }: EntityInput) => ({
  institution: idIn(attrs, 'institution'),
  desk: idIn(attrs, 'desk'),
}));

function idIn(attrs: unknown, name: string): string {
  const id = memberOf(memberOf(memberOf(attrs, name), '__entity'), 'id');
  return typeof id === 'string' ? id : '';
}

export type Counts = Pick<
  SimulationReport,
  'decisions' | 'skipped' | 'permitToDeny' | 'denyToPermit' | 'otherChanges' | 'by' | 'flips'
>;

const maxFlips = 1_000;
/** Maximum number of names in each table; further names count as `others`. */
const maxNames = 10_000;
/** Maximum number of names in the report, those with the most flips first. */
const maxNamesTold = 1_000;
const others = 'others';

type Counted = { -readonly [Member in keyof FlipCount]: FlipCount[Member] };
type Place = Pick<Flip, 'institution' | 'desk' | 'action'>;

function createTally() {
  const skipped = new Map<string, number>();
  const tables = { institution: createTable(), desk: createTable(), action: createTable() };
  const flips: Flip[] = [];
  const totals = { decisions: 0, permitToDeny: 0, denyToPermit: 0, otherChanges: 0 };
  return {
    skip: (why: string): void => void skipped.set(why, (skipped.get(why) ?? 0) + 1),
    /** @param flip called only for a changed answer */
    count(
      { institution, desk, action }: Place,
      outcome: 'same' | 'otherwise' | 'permit-to-deny' | 'deny-to-permit',
      flip: () => Flip,
    ): void {
      const rows = [totals, tables.institution.row(institution), tables.desk.row(desk), tables.action.row(action)];
      for (const row of rows) {
        row.decisions++;
        if (outcome === 'permit-to-deny') row.permitToDeny++;
        if (outcome === 'deny-to-permit') row.denyToPermit++;
      }
      if (outcome === 'otherwise') totals.otherChanges++;
      if ((outcome === 'permit-to-deny' || outcome === 'deny-to-permit') && flips.length < maxFlips) flips.push(flip());
    },
    counts: (): Counts => ({
      ...totals,
      skipped: Object.fromEntries([...skipped].sort(([a], [b]) => (a < b ? -1 : 1))),
      by: { institution: tables.institution.told(), desk: tables.desk.told(), action: tables.action.told() },
      flips: [...flips],
    }),
  };
}

function createTable() {
  const rows = new Map<string, Counted>();
  return {
    row(named: string): Counted {
      const name = rows.has(named) || rows.size < maxNames ? named : others;
      let row = rows.get(name);
      if (row === undefined) {
        row = { name, decisions: 0, permitToDeny: 0, denyToPermit: 0 };
        rows.set(name, row);
      }
      return row;
    },
    told: (): readonly FlipCount[] =>
      [...rows.values()]
        .sort((a, b) => flipsOf(b) - flipsOf(a) || b.decisions - a.decisions || (a.name < b.name ? -1 : 1))
        .slice(0, maxNamesTold)
        .map((row) => ({ ...row })),
  };
}

const flipsOf = ({ permitToDeny, denyToPermit }: FlipCount): number => permitToDeny + denyToPermit;
