import type { EntityInput } from '@countersign/cedar';
import type { Digest } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from '../decision/question.ts';
import type { PastBundles } from './past-bundles.ts';
import { type DecisionRecord, neverAsked } from './recorded.ts';
import {
  createQuestions,
  type RecordedInput,
  readEntityFact,
  readRecordedInput,
  rulesFor,
} from './recorded-question.ts';

/** Everything a past decision was made from, had again. */
interface Recalled {
  readonly bundle: LoadedBundle;
  readonly input: RecordedInput;
  /** Absent where there was no question that the policies could be asked. */
  readonly question?: Question;
  /** What of the directory it read. */
  readonly entities: readonly EntityInput[];
}

export interface RecallSources {
  readonly bundles: PastBundles;
  readonly entityFacts: EntityFacts;
}

/** @returns what the decision was made from, or every input that cannot be had, in words */
export async function recall(
  { decision, unread }: DecisionRecord,
  { bundles, entityFacts }: RecallSources,
): Promise<Recalled | { readonly missing: readonly string[] }> {
  if (unread.length > 0)
    return {
      missing: unread.map((name) => `${name}: it is kept beside the record, and was erased or cannot be read here`),
    };
  const input = readRecordedInput(decision.input);
  const unasked = neverAsked(decision);
  if (unasked !== undefined) return { missing: [`input: ${unasked}`] };
  if (input === undefined) return { missing: ['input: it is of no form that is known here'] };
  const bundle = await bundles.load(decision.policyVersion, decision.policyHash);
  const texts = await entityFacts.load([...new Set(input.entities.map(({ digest }) => digest))]);
  const facts = new Map<Digest, EntityInput>();
  const missing: string[] = 'missing' in bundle ? [bundle.missing] : [];
  for (const { uid, digest } of input.entities) {
    const text = texts.get(digest);
    const fact = text === undefined ? undefined : readEntityFact(digest, text);
    // Named by type and digest: an id may be a person's, and whoever erased the entity meant it to be gone.
    if (fact === undefined)
      missing.push(
        `entity: ${uid.type} ${digest} ${text === undefined ? 'is not kept' : 'is not what its digest says'}`,
      );
    else facts.set(digest, fact);
  }
  if (missing.length > 0 || 'missing' in bundle) return { missing };
  const rules = rulesFor(bundle, input);
  if (rules === undefined) return { missing: [`policies: the version has no model ${input.application}`] };
  const questions = createQuestions(rules, (digest) => facts.get(digest));
  return {
    bundle: rules,
    input,
    ...(input.unevaluable ? {} : { question: questions.from(input) }),
    entities: [...facts.values()],
  };
}

/** What of the directory decisions have read, by the digest of its canonical JSON; those that are not kept are left out. */
export interface EntityFacts {
  load(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>>;
}
