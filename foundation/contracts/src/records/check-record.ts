import { Compile, type Validator } from 'typebox/schema';
import type { RecordDraft, RecordType } from '../audit-log.ts';
import { completeDraft } from '../protected-values.ts';
import { draftSchema } from './record-schemas.ts';

const compiled = new Map<RecordType, Validator>();

/**
 * Where a draft differs from the schema of its type: JSON pointers and what is wrong there, never what was found. Empty
 * where it fits.
 */
export function recordFaults(draft: RecordDraft): readonly string[] {
  let validator = compiled.get(draft.type);
  if (validator === undefined) {
    validator = Compile(draftSchema(draft.type));
    compiled.set(draft.type, validator);
  }
  // As it will be read: members that are undefined are not there.
  const written: unknown = JSON.parse(JSON.stringify(completeDraft(draft)));
  if (validator.Check(written)) return [];
  const [, errors] = validator.Errors(written);
  return errors
    .slice(0, 10)
    .map((error) => `${error.instancePath || '/'} ${error.message} (${JSON.stringify(error.params)})`);
}

/**
 * For logs of tests: a writer that strays from its schema is found where it strays. What a test makes up, under a source
 * `test`, is passed over.
 *
 * @throws Error that says where
 */
export function requireFit(draft: RecordDraft): void {
  if (draft.source === 'test') return;
  const faults = recordFaults(draft);
  if (faults.length > 0)
    throw new Error(`a record of type ${draft.type} does not fit its schema: ${faults.join('; ')}`);
}
