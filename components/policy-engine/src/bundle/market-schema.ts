import { policyErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { LoadedBundle } from './load-bundle.ts';

/** Types and the action that the control plane's own questions need. */
const types = ['Person', 'Service', 'Agent', 'Institution', 'Transaction', 'Resource'] as const;
const action = 'token:issue';

/**
 * Why a bundle has no rules for the market; undefined if it has. With another schema no token could be issued, so nobody could roll
 * the bundle back.
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
    'These are not rules for the market. If they are for an application, add a model.json to make them an application model.',
    { facts: { problems } },
  );
}
