import { Compile, type Validator } from 'typebox/schema';
import type { RecordDraft, RecordType } from '../audit-log.ts';
import { completeDraft } from '../protected-values.ts';
import { draftSchema } from './record-schemas.ts';

const compiled = new Map<RecordType, Validator>();

/** Violations of the schema of the draft's type: JSON pointers and rules, never the values. Empty when the draft conforms. */
export function recordFaults(draft: RecordDraft): readonly string[] {
  let validator = compiled.get(draft.type);
  if (validator === undefined) {
    validator = Compile(draftSchema(draft.type));
    compiled.set(draft.type, validator);
  }
  // The record as readers will see it: members with the value undefined are absent.
  const written: unknown = JSON.parse(JSON.stringify(completeDraft(draft)));
  if (validator.Check(written)) return [];
  const [, errors] = validator.Errors(written);
  return errors
    .slice(0, 10)
    .map((error) => `${error.instancePath || '/'} ${error.message} (${JSON.stringify(error.params)})`);
}

/**
 * For logs of tests: fails at the writer that violates its schema. Records of the source `test` are not checked.
 *
 * @throws Error that names the violations
 */
export function requireFit(draft: RecordDraft): void {
  if (draft.source === 'test') return;
  const faults = recordFaults(draft);
  if (faults.length > 0)
    throw new Error(`a record of type ${draft.type} does not fit its schema: ${faults.join('; ')}`);
}
