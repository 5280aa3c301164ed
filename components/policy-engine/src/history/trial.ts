import { createTextReader, type EntityInput } from '@countersign/cedar';
import type { Flip, RecordPage, SimulationRange } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from '../decision/question.ts';
import { saysTheSame } from './differences.ts';
import { memberOf } from './json-members.ts';
import { judgeAgain } from './judge-again.ts';
import type { ComparedDecision } from './open-decision-reader.ts';
import { createRecordReader, type RecordTexts } from './record-reader.ts';
import { headOf, textsOn, wasNeverAsked } from './recorded.ts';
import {
  createQuestions,
  type RecordedEntity,
  type RecordedOutline,
  readEntityFact,
  readRecordedInput,
} from './recorded-question.ts';
import { type Counts, createTally } from './tally.ts';

/** Which of the decisions of a stretch of the log are judged. */
export type TrialFilter = Pick<SimulationRange, 'action' | 'principal' | 'institution' | 'desk'>;

/** Entities kept in memory; past it they are asked for again. */
const maxFacts = 200_000;

/** A candidate on trial: recorded decisions are judged by it, and what comes out otherwise is counted. */
export interface Trial {
  /**
   * Reads a page of records, and judges them until one has read an entity that is not there yet.
   *
   * @param page with the values of `decisionValues`
   * @returns digests of the entities that must be given before the rest of the page can be judged
   */
  read(page: RecordPage): readonly Digest[];
  /** Judges the rest of the page with whatever entities there are. */
  judge(facts: Iterable<readonly [Digest, string]>): void;
  counts(): Counts;
}

export function createTrial(bundle: LoadedBundle, filter: TrialFilter): Trial {
  const tally = createTally();
  const facts = new Map<Digest, EntityInput>();
  const questions = createQuestions(bundle, (digest) => facts.get(digest));
  const readRecord = createRecordReader(createTextReader(bundle.parsed.schema));
  const places = new WeakMap<EntityInput, Pick<Flip, 'institution' | 'desk'>>();
  /** Lists of entities of which all are there. */
  let complete = new WeakSet<readonly RecordedEntity[]>();
  let waiting: Recorded[] = [];

  function isComplete(entities: readonly RecordedEntity[]): boolean {
    if (complete.has(entities)) return true;
    if (entities.some(({ digest }) => !facts.has(digest))) return false;
    complete.add(entities);
    return true;
  }

  /** Where the principal belonged when it asked; empty where the directory did not know. */
  function placeOf({ principal, entities }: RecordedOutline): Pick<Flip, 'institution' | 'desk'> {
    const own = entities.find(({ uid }) => uid.id === principal.id && uid.type === principal.type);
    const fact = own === undefined ? undefined : facts.get(own.digest);
    if (fact === undefined) return nowhere;
    let place = places.get(fact);
    if (place === undefined) {
      place = { institution: idIn(fact.attrs, 'institution'), desk: idIn(fact.attrs, 'desk') };
      places.set(fact, place);
    }
    return place;
  }

  function judgeOne({ decision: recorded, input, question, text }: Recorded): void {
    if (!isComplete(input.entities)) {
      tally.skip('entity_missing');
      return;
    }
    const { institution, desk } = placeOf(input);
    const place = { institution, desk, action: input.action };
    if (filter.institution !== undefined && filter.institution !== institution) return;
    if (filter.desk !== undefined && filter.desk !== desk) return;
    const verdict = judgeAgain(bundle, input, input.unevaluable ? undefined : question());
    const outcome =
      recorded.decision === verdict.decision
        ? saysTheSame(recorded, verdict)
          ? 'same'
          : 'otherwise'
        : recorded.decision
          ? 'permit-to-deny'
          : 'deny-to-permit';
    tally.count(place, outcome, () => {
      const { id, time } = headOf(text);
      return {
        record: id,
        at: time,
        principal: input.principal.id,
        ...place,
        from: recorded.decision ? 'permit' : 'deny',
        to: verdict.decision ? 'permit' : 'deny',
        before: recorded.determining,
        after: verdict.determining,
      };
    });
  }

  /** @returns undefined for a record that has nothing to judge */
  function readOne(texts: RecordTexts): Recorded | undefined {
    const { decision, read, inputMissing } = readRecord(texts);
    if (inputMissing) {
      tally.skip('input_missing');
      return undefined;
    }
    // A record without a decision is a refusal that came before the policies: nothing that could be skipped.
    if (decision === undefined) return undefined;
    const asked: Asked | undefined =
      read === undefined
        ? askedIn(decision.input)
        : { input: read.outline, question: () => questions.fromValues(read.outline, read) };
    if (asked === undefined || wasNeverAsked(decision)) {
      tally.skip(asked === undefined ? 'input_unreadable' : 'never_asked');
      return undefined;
    }
    const { input } = asked;
    if (filter.action !== undefined && filter.action !== input.action) return undefined;
    if (filter.principal !== undefined && filter.principal !== input.principal.id) return undefined;
    return { decision, ...asked, text: texts.record };
  }

  function askedIn(json: unknown): Asked | undefined {
    const input = readRecordedInput(json);
    return input === undefined ? undefined : { input, question: () => questions.from(input) };
  }

  return {
    read(page) {
      if (facts.size > maxFacts) {
        facts.clear();
        complete = new WeakSet();
      }
      const wanted = new Set<Digest>();
      for (let place = 0; place < page.records; place++) {
        const recorded = readOne(textsOn(page, place));
        if (recorded === undefined) continue;
        // One at a time while it can be: what is dead when the next one is read costs the collector nothing.
        if (waiting.length === 0 && isComplete(recorded.input.entities)) judgeOne(recorded);
        else {
          waiting.push(recorded);
          for (const { digest } of recorded.input.entities) if (!facts.has(digest)) wanted.add(digest);
        }
      }
      return [...wanted];
    },
    judge(given) {
      for (const [digest, text] of given) {
        const fact = readEntityFact(digest, text);
        if (fact !== undefined) facts.set(digest, fact);
      }
      for (const recorded of waiting) judgeOne(recorded);
      waiting = [];
    },
    counts: () => tally.counts(),
  };
}

interface Asked {
  readonly input: RecordedOutline;
  question(): Question;
}

interface Recorded extends Asked {
  readonly decision: ComparedDecision;
  /** Of the record. */
  readonly text: string;
}

const nowhere = { institution: '', desk: '' };

function idIn(attrs: unknown, name: string): string {
  const id = memberOf(memberOf(memberOf(attrs, name), '__entity'), 'id');
  return typeof id === 'string' ? id : '';
}
