import { policyErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { LoadedBundle } from './load-bundle.ts';

/** Types and the action without which the control plane cannot ask its own questions. */
const types = ['Person', 'Service', 'Agent', 'Institution', 'Transaction', 'Resource'] as const;
const action = 'token:issue';

/**
 * Why the rules of a bundle are not those of the market; undefined where they are. A bundle of another world decides nothing
 * that anybody here asks, tokens least of all: nobody could take it back.
 */
export function foreignFault({ parsed: { schema } }: Pick<LoadedBundle, 'parsed'>): CodedError | undefined {
  const file = 'schema.cedarschema';
  const problems = types
    .filter((type) => !schema.entityTypes.has(type))
    .map((type) => ({ file, message: `the market's entity ${type} is not declared` }));
  if (schema.actions.find({ type: 'Action', id: action }) === undefined)
    problems.push({ file, message: `the market's action ${action} is not declared` });
  if (problems.length === 0) return undefined;
  return policyErrors.error(
    'policy_invalid',
    'These are not rules of the market. If they are those of an application, put a model.json beside them: then they are a model of their own.',
    { facts: { problems } },
  );
}
