import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import { Compile } from 'typebox/compile';
import { policyBundleBody } from './bundle-body.ts';

const compiled = Compile(policyBundleBody);

/**
 * Reads the shape of a bundle; what its parts say is judged where it is loaded.
 *
 * @throws CodedError `policy_invalid`
 */
export function readBundle(value: unknown): PolicyBundle {
  if (compiled.Check(value)) return value;
  const [first] = compiled.Errors(value);
  throw policyErrors.error(
    'policy_invalid',
    `The bundle cannot be read: ${first === undefined ? 'it is none' : `${first.instancePath || '/'} ${first.message}`}.`,
  );
}

/** Whether files stand in the order of their names, each once: the hash of a bundle rests on it. */
export function inOrder(files: readonly { readonly file: string }[]): boolean {
  return files.every(({ file }, index) => index === 0 || file > (files[index - 1]?.file ?? ''));
}
