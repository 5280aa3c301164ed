import type { EntityInput } from '@countersign/cedar';
import { type PolicyVersions, policyErrors } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { hashOfBundle, type LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from '../decision/question.ts';
import { type DecisionRecord, neverAsked } from './recorded.ts';
import {
  createQuestions,
  type RecordedInput,
  readEntityFact,
  readRecordedInput,
  rulesFor,
} from './recorded-question.ts';

interface Recalled {
  readonly bundle: LoadedBundle;
  readonly input: RecordedInput;
  /** Absent if there was no question for the policies. */
  readonly question?: Question;
  readonly entities: readonly EntityInput[];
}

export interface RecallSources {
  readonly bundles: PastBundles;
  readonly entityFacts: EntityFacts;
}

/** @returns the inputs of the decision, or all missing ones in words */
export async function recall(
  { decision, unread }: DecisionRecord,
  { bundles, entityFacts }: RecallSources,
): Promise<Recalled | { readonly missing: readonly string[] }> {
  if (unread.length > 0)
    return {
      missing: unread.map((name) => `${name}: the protected value was erased or cannot be read in this region`),
    };
  const input = readRecordedInput(decision.input);
  const unasked = neverAsked(decision);
  if (unasked !== undefined) return { missing: [`input: ${unasked}`] };
  if (input === undefined) return { missing: ['input: its format is unknown'] };
  const bundle = await bundles.load(decision.policyVersion, decision.policyHash);
  const texts = await entityFacts.load([...new Set(input.entities.map(({ digest }) => digest))]);
  const facts = new Map<Digest, EntityInput>();
  const missing: string[] = 'missing' in bundle ? [bundle.missing] : [];
  for (const { uid, digest } of input.entities) {
    const text = texts.get(digest);
    const fact = text === undefined ? undefined : readEntityFact(digest, text);
    // Named by type and digest, because the id may identify a person whose data was erased.
    if (fact === undefined)
      missing.push(
        `entity: ${uid.type} ${digest} ${text === undefined ? 'is not stored' : 'does not match its digest'}`,
      );
    else facts.set(digest, fact);
  }
  if (missing.length > 0 || 'missing' in bundle) return { missing };
  const rules = rulesFor(bundle, input);
  if (rules === undefined) return { missing: [`policies: the version has no application model ${input.application}`] };
  const questions = createQuestions(rules, (digest) => facts.get(digest));
  return {
    bundle: rules,
    input,
    ...(input.unevaluable ? {} : { question: questions.from(input) }),
    entities: [...facts.values()],
  };
}

/** Stored entities by the digest of their canonical JSON, without missing ones. */
export interface EntityFacts {
  load(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>>;
}

interface PastBundles {
  load(version: number, hash: Digest): Promise<LoadedBundle | { readonly missing: string }>;
}

const maxKept = 4;

export function createPastBundles(
  versions: Pick<PolicyVersions, 'bundle'> & { current(): { readonly loaded: LoadedBundle } },
): PastBundles {
  const kept = new Map<Digest, LoadedBundle>();
  return {
    async load(version, hash) {
      const { loaded } = versions.current();
      const known = loaded.hash === hash ? loaded : kept.get(hash);
      if (known !== undefined) return known;
      try {
        const bundle = await versions.bundle(version);
        if (hashOfBundle(bundle) !== hash)
          return { missing: `policies: the stored bundle of version ${version} differs from the one that decided` };
        const past = await loadBundleAside(bundle);
        const [oldest] = kept.keys();
        if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest);
        kept.set(hash, past);
        return past;
      } catch (error) {
        if (policyErrors.is(error, 'version_not_found'))
          return { missing: `policies: version ${version} is not stored` };
        if (policyErrors.is(error, 'policy_invalid'))
          return { missing: `policies: the bundle of version ${version} can no longer be read` };
        throw error;
      }
    },
  };
}
