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
 * Reads the shape of a bundle; what its parts say is judged where it is loaded.
 *
 * @throws CodedError `policy_invalid`
 */
export function readBundle(value: unknown): PolicyBundle {
  if (compiled.Check(value)) return value;
  const fault = firstFaultIn(value, compiled) ?? '/ is none';
  const file = files.find(([member]) => fault.startsWith(`/${member}`))?.[1];
  throw policyErrors.error(
    'policy_invalid',
    `The bundle cannot be read: ${fault}.${file === undefined ? '' : ` In a folder, that is in ${file}.`}`,
  );
}

/**
 * Reads the shape of the model of an application, as {@link readBundle} does that of a bundle.
 *
 * @throws CodedError `policy_invalid`
 */
export function readApplication(value: unknown): ApplicationModel {
  if (compiledModel.Check(value)) return value;
  const fault = firstFaultIn(value, compiledModel) ?? '/ is none';
  throw policyErrors.error('policy_invalid', `The model of an application cannot be read (model.json): ${fault}.`);
}
