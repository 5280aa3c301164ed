// The comparison shared by the agreement tests of this package and of users with their own schema.
import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { compile } from '../compile-policies.ts';
import { checkEntity, checkRequest } from '../conformance.ts';
import type { EntityInput } from '../entity.ts';
import { createEntitySnapshot } from '../entity-snapshot.ts';
import type { PolicyProblem } from '../errors.ts';
import { type Answer, evaluate } from '../evaluate.ts';
import { type ParsedPolicySet, parsePolicySet } from '../parse-policy-set.ts';
import { createReference } from '../reference.ts';
import { policyOf } from './arbitrary-policies.ts';
import { entitiesOf, environmentsOf, requestsOf, type Vocabulary } from './arbitrary-world.ts';

export interface Agreement {
  readonly asked: number;
  readonly allowed: number;
  /** Satisfied and failed policies over all requests. */
  readonly determining: number;
  readonly errors: number;
  readonly policies: number;
  /** Generated policies that strict validation refused and that were left out. */
  readonly refused: number;
}

export interface AgreementOptions {
  readonly runs: number;
  readonly seed: number;
  readonly vocabulary?: Vocabulary;
  /** Policies to use instead of arbitrary ones. */
  readonly policies?: string;
  /** Entities that are always present, in addition to the arbitrary ones. */
  readonly entities?: readonly EntityInput[];
}

/**
 * Evaluates arbitrary requests under arbitrary policies over a schema, with the compiler and with the reference engine.
 * @throws Error with the counterexample where they differ, or where generated data does not conform to the schema
 */
export function checkAgreement(schemaText: string, options: AgreementOptions): Agreement {
  const { schema } = parsePolicySet('', schemaText);
  const { vocabulary } = options;
  const fixed = options.policies === undefined ? undefined : parsePolicySet(options.policies, schemaText);
  const always = options.entities ?? [];
  const isGiven = ({ uid }: EntityInput): boolean =>
    always.some((entity) => entity.uid.type === uid.type && entity.uid.id === uid.id);
  const seen = { asked: 0, allowed: 0, determining: 0, errors: 0, policies: 0, refused: 0 };
  const all = environmentsOf(schema);
  const world = fc
    .record({
      // Only a few, so that policies and requests match.
      environments: fc.subarray([...all], { minLength: 1, maxLength: Math.min(2, all.length) }),
      // Half of the sets hold only permits, where every satisfied policy is a determining one.
      effects: fc.constantFrom<readonly ('permit' | 'forbid')[]>(['permit'], ['permit', 'permit', 'permit', 'forbid']),
    })
    .chain(({ environments, effects }) =>
      fc.record({
        policies: fc.array(policyOf(schema, 'p', { environments, effects, vocabulary }), {
          minLength: 10,
          maxLength: 30,
          size: 'max',
        }),
        entities: entitiesOf(schema, vocabulary),
        requests: fc.array(requestsOf(schema, environments, vocabulary), { minLength: 5, maxLength: 5 }),
      }),
    );
  fc.assert(
    fc.property(world, ({ policies, entities: generated, requests }) => {
      const { parsed, refused } =
        fixed === undefined ? parseValid(policies, schemaText) : { parsed: fixed, refused: 0 };
      const entities = [...always, ...generated.filter((entity) => !isGiven(entity))];
      seen.policies += parsed.policies.length;
      seen.refused += refused;
      const problems = [
        ...entities.flatMap((entity) => checkEntity(schema, entity)),
        ...requests.flatMap((request) => checkRequest(schema, request)),
      ];
      if (problems.length > 0) throw new Error(`generated data does not conform: ${JSON.stringify(problems)}`);
      const snapshot = createEntitySnapshot(entities);
      const compiled = compile(parsed);
      const reference = createReference(parsed);
      for (const request of requests) {
        const got = evaluate(compiled, { ...request, entities: snapshot });
        const oracle = reference.evaluate({ ...request, entities: snapshot });
        if (outcomeOf(got) !== outcomeOf(oracle))
          throw new Error(`compiled: ${outcomeOf(got)}; reference: ${outcomeOf(oracle)}`);
        seen.asked++;
        if (got.decision === 'allow') seen.allowed++;
        seen.determining += got.determining.length;
        seen.errors += got.errors.length;
      }
    }),
    { numRuns: options.runs, seed: options.seed },
  );
  return seen;
}

function outcomeOf({ decision, determining, errors }: Answer): string {
  return JSON.stringify([decision, determining, errors.map(({ policyId }) => policyId)]);
}

/** The policies that pass strict validation, each under its own id. */
function parseValid(texts: readonly string[], schemaText: string): { parsed: ParsedPolicySet; refused: number } {
  let named = new Map(texts.map((text, index) => [`p${index}`, text.replace('@id("p")', `@id("p${index}")`)]));
  for (;;) {
    try {
      return {
        parsed: parsePolicySet(Array.from(named.values()).join('\n'), schemaText),
        refused: texts.length - named.size,
      };
    } catch (error) {
      if (!isCodedError(error, 'policy_set_refused')) throw error;
      const problems = (error.facts?.['problems'] ?? []) as readonly PolicyProblem[];
      const refused = new Set(problems.flatMap(({ policyId }) => policyId ?? []));
      if (refused.size === 0) throw error;
      named = new Map(Array.from(named).filter(([id]) => !refused.has(id)));
    }
  }
}
