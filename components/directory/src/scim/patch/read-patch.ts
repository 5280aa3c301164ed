import { defined, type Json, membersOf } from '@countersign/kernel';
import { scimErrors } from '../schema/errors.ts';

export const patchUrn = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path?: string;
  readonly value?: Json;
}

const maxOperations = 100;

/**
 * `op` is case-insensitive, because large provisioning systems send `Add`.
 *
 * @throws CodedError `scim_syntax_invalid`, `scim_path_invalid`, `scim_too_many`
 */
export function readPatch(body: Json | undefined): readonly PatchOperation[] {
  const members = membersOf(body);
  const schemas = members?.['schemas'];
  if (!Array.isArray(schemas) || !schemas.includes(patchUrn)) throw syntax(`A PATCH has the schema ${patchUrn}.`);
  const operations: Json = members?.['Operations'] ?? [];
  if (!Array.isArray(operations) || operations.length === 0) throw syntax('A PATCH has a list of Operations.');
  if (operations.length > maxOperations)
    throw scimErrors.error('scim_too_many', `A PATCH has at most ${maxOperations} operations.`);
  return operations.map(readOperation);
}

function readOperation(json: Json): PatchOperation {
  const members = membersOf(json);
  if (members === undefined) throw syntax('An operation is an object.');
  const op = typeof members['op'] === 'string' ? members['op'].toLowerCase() : undefined;
  if (op !== 'add' && op !== 'remove' && op !== 'replace')
    throw syntax('The op of an operation is add, remove or replace.');
  const { path, value } = members;
  if (path !== undefined && typeof path !== 'string') throw scimErrors.error('scim_path_invalid', 'A path is a text.');
  if (op !== 'remove' && value === undefined) throw syntax(`An operation ${op} has a value.`);
  return { op, ...defined({ path, value }) };
}

function syntax(detail: string) {
  return scimErrors.error('scim_syntax_invalid', detail);
}
