import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompiledPolicySet, compile, type ParsedPolicySet, parsePolicySet } from '@countersign/cedar';
import { policyErrors } from '@countersign/contracts';
import { type Digest, digestOf, isCodedError } from '@countersign/kernel';

/** A set of policies that has been parsed, validated against its schema, and compiled. */
export interface PolicySet {
  /** Digest over schema and policies by id: the same set has the same hash wherever it is read from. */
  readonly hash: Digest;
  readonly schemaText: string;
  readonly policies: readonly { readonly id: string; readonly effect: 'permit' | 'forbid'; readonly text: string }[];
  readonly compiled: CompiledPolicySet;
  /** What a satisfied forbid means to a person: its `@reason` and `@detail`. */
  explain(policyId: string): { readonly code: string; readonly detail: string };
}

/**
 * Reads the policies of a folder: one `schema.cedarschema`, any number of `*.cedar`, in the order of their names.
 *
 * @throws CodedError `policy_invalid` naming every problem; a set with one fault is refused whole
 */
export async function readPolicySet(folder: URL): Promise<PolicySet> {
  const path = fileURLToPath(folder);
  const names = (await readdir(path)).filter((name) => name.endsWith('.cedar')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')));
  return createPolicySet(texts.join('\n'), await readFile(join(path, 'schema.cedarschema'), 'utf8'));
}

/** As {@link readPolicySet}, from texts. */
export function createPolicySet(policiesText: string, schemaText: string): PolicySet {
  const parsed = parse(policiesText, schemaText);
  const policies = parsed.policies.map(({ id, effect, text }) => ({ id, effect, text }));
  const explanations = new Map(
    parsed.policies.map(({ id, annotations }) => [
      id,
      {
        code: annotations['reason'] ?? 'denied_by_policy',
        detail: annotations['detail'] ?? `The policy ${id} forbids it.`,
      },
    ]),
  );
  return {
    hash: digestOf({ schema: schemaText, policies: policies.map(({ id, text }) => ({ id, text })) }),
    schemaText,
    policies,
    compiled: compile(parsed),
    explain: (policyId) =>
      explanations.get(policyId) ?? { code: 'denied_by_policy', detail: `The policy ${policyId} forbids it.` },
  };
}

function parse(policiesText: string, schemaText: string): ParsedPolicySet {
  try {
    return parsePolicySet(policiesText, schemaText);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw policyErrors.error('policy_invalid', error.detail, {
      ...(error.facts === undefined ? {} : { facts: error.facts }),
      cause: error,
    });
  }
}
