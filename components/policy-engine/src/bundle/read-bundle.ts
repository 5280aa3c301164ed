import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { Compile } from 'typebox/compile';
import { applicationModelBody, policyBundleBody } from './bundle-body.ts';
import { firstFaultIn } from './first-fault.ts';

const compiled = Compile(policyBundleBody);
const compiledModel = Compile(applicationModelBody);
const files = [
  ['schema', 'schema.cedarschema'],
  ['entities', 'entities.json'],
  ['limits', 'limits.json'],
  ['rates', 'limits.json'],
] as const;

/**
 * Checks the JSON form of a bundle; `loadBundle` validates its contents.
 *
 * @throws CodedError `policy_invalid`
 */
export function readBundle(value: unknown): PolicyBundle {
  if (compiled.Check(value)) return value;
  const fault = firstFaultIn(value, compiled) ?? '/ is invalid';
  const file = files.find(([member]) => fault.startsWith(`/${member}`))?.[1];
  throw policyErrors.error(
    'policy_invalid',
    `The bundle cannot be read: ${fault}.${file === undefined ? '' : ` Correct ${file}.`}`,
  );
}

/**
 * Checks the JSON form of an application model.
 *
 * @throws CodedError `policy_invalid`
 */
export function readApplication(value: unknown): ApplicationModel {
  if (compiledModel.Check(value)) return value;
  const fault = firstFaultIn(value, compiledModel) ?? '/ is invalid';
  throw policyErrors.error('policy_invalid', `The application model cannot be read (model.json): ${fault}.`);
}
