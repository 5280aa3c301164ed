import { defined, type Json, membersOf } from '@countersign/kernel';
import { maxBulkOperations } from '../schema/discovery.ts';
import { scimErrors } from '../schema/errors.ts';

export const bulkRequestUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

const methods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;

export interface BulkOperation {
  readonly method: (typeof methods)[number];
  /** Below the interface: `/Users`, `/Users/{id}`, or `/Users/bulkId:{bulkId}`. */
  readonly path: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly data?: Json;
}

export interface BulkRequest {
  /** Number of errors after which the rest is skipped. */
  readonly failOnErrors?: number;
  readonly operations: readonly BulkOperation[];
}

const maxTextLength = 512;

/** An invalid request is refused as a whole. @throws CodedError `scim_syntax_invalid`, `scim_too_many` */
export function readBulk(body: Json | undefined): BulkRequest {
  const members = membersOf(body) ?? {};
  const { schemas, failOnErrors, Operations: operations } = members;
  if (!Array.isArray(schemas) || !schemas.includes(bulkRequestUrn))
    throw syntax(`A bulk request has the schema ${bulkRequestUrn}.`);
  if (failOnErrors !== undefined && !isCount(failOnErrors)) throw syntax('failOnErrors is a whole number from 1.');
  if (!Array.isArray(operations) || operations.length === 0) throw syntax('A bulk request has a list of Operations.');
  if (operations.length > maxBulkOperations)
    throw scimErrors.error(
      'scim_too_many',
      `The bulk request has more operations than maxOperations (${maxBulkOperations}).`,
    );
  const read = operations.map(readOperation);
  const ids = read.flatMap(({ bulkId }) => bulkId ?? []);
  if (new Set(ids).size !== ids.length) throw syntax('Two operations have the same bulkId.');
  return { ...defined({ failOnErrors }), operations: read };
}

function readOperation(json: Json): BulkOperation {
  const members = membersOf(json);
  if (members === undefined) throw syntax('An operation is an object.');
  const { path, data } = members;
  const named = textOf(members, 'method')?.toUpperCase();
  const method = methods.find((each) => each === named);
  if (method === undefined) throw syntax(`The method of an operation is one of ${methods.join(', ')}.`);
  if (typeof path !== 'string' || path.length > maxTextLength) throw syntax('An operation has a path.');
  const bulkId = textOf(members, 'bulkId');
  const version = textOf(members, 'version');
  if (method === 'POST' && bulkId === undefined) throw syntax('An operation POST has a bulkId.');
  return {
    method,
    path,
    ...defined({ bulkId, version, data }),
  };
}

/** Absent, or null as some systems send it. */
function textOf(members: { readonly [name: string]: Json }, name: string): string | undefined {
  const value = members[name] ?? undefined;
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' || value.length > maxTextLength)
    throw syntax(`${name} is a text of at most ${maxTextLength} characters.`);
  return value;
}

function isCount(value: Json): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function syntax(detail: string) {
  return scimErrors.error('scim_syntax_invalid', detail);
}
