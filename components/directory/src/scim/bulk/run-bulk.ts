import { defined, type Json, membersOf } from '@countersign/kernel';
import { readPatch } from '../patch/read-patch.ts';
import { notFound } from '../resources/preconditions.ts';
import type { Caller } from '../resources/resource-operations.ts';
import { idOf, type ResourceOperations } from '../resources/resource-operations.ts';
import type { ScimResource } from '../resources/users.ts';
import { scimErrors } from '../schema/errors.ts';
import { readResource } from '../schema/read-resource.ts';
import type { ScimError } from '../schema/scim-errors.ts';
import type { BulkOperation, BulkRequest } from './read-bulk.ts';

type BulkResult = {
  readonly method: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly location?: string;
  readonly status: string;
  readonly response?: ScimError;
};

export interface BulkDependencies {
  readonly resources: readonly ResourceOperations[];
  readonly base: string;
  readonly errorOf: (thrown: unknown) => ScimError;
}

/**
 * Each operation is a change of its own, after those whose bulkId it names. A circle fails (section 3.7.1).
 *
 * @returns the results of the operations that ran, in the order of the request
 */
export async function runBulk(
  { operations, failOnErrors = Number.POSITIVE_INFINITY }: BulkRequest,
  by: Caller,
  dependencies: BulkDependencies,
): Promise<readonly BulkResult[]> {
  const byBulkId = new Map(operations.flatMap((each) => (each.bulkId === undefined ? [] : [[each.bulkId, each]])));
  const known = new Set(byBulkId.keys());
  const started = new Set<BulkOperation>();
  const results = new Map<BulkOperation, BulkResult>();
  const ids = new Map<string, string>();
  let errors = 0;

  async function perform(operation: BulkOperation): Promise<void> {
    if (started.has(operation) || errors >= failOnErrors) return;
    started.add(operation);
    const { method, bulkId, path } = operation;
    const target = readPath(path);
    const needed = bulkIdsIn([target.id ?? null, operation.data ?? null], known);
    for (const each of needed) {
      const other = byBulkId.get(each);
      if (other !== undefined) await perform(other);
    }
    if (errors >= failOnErrors) return;
    const shown = { method, ...defined({ bulkId }) };
    const place = replaceBulkIds(target.id ?? null, (each) => ids.get(each));
    const location = `${dependencies.base}${target.endpoint}${typeof place === 'string' ? `/${place}` : ''}`;
    try {
      if ([...needed].some((each) => !ids.has(each))) throw unresolved();
      const resource = await make(operation, { ...target, id: place }, by);
      if (bulkId !== undefined && resource !== undefined) ids.set(bulkId, String(resource['id']));
      results.set(operation, { ...shown, ...describe(resource, location), status: statusOf(method) });
    } catch (thrown) {
      errors++;
      const response = dependencies.errorOf(thrown);
      results.set(operation, {
        ...shown,
        ...(method === 'POST' ? {} : { location }),
        status: response.status,
        response,
      });
    }
  }

  async function make(
    { method, version, data }: BulkOperation,
    { endpoint, id }: { readonly endpoint: string; readonly id: Json },
    caller: Caller,
  ): Promise<ScimResource | undefined> {
    const resources = dependencies.resources.find(({ shape }) => shape.endpoint === endpoint);
    if (resources === undefined) throw notFound();
    const { shape } = resources;
    const body = data === undefined ? undefined : replaceBulkIds(data, (each) => ids.get(each));
    if ((method === 'POST') !== (id === null))
      throw scimErrors.error(
        'scim_method_not_allowed',
        `${method} is for ${shape.endpoint}${method === 'POST' ? '' : '/{id}'}.`,
      );
    if (method === 'POST') return resources.create(readResource(body, shape), caller);
    const named = idOf(String(id));
    switch (method) {
      case 'PUT':
        return resources.replace(named, readResource(body, shape), caller, version);
      case 'PATCH':
        return resources.patch(named, readPatch(body), caller, version);
      case 'DELETE':
        await resources.remove(named, caller, version);
        return undefined;
      default:
        return method satisfies never;
    }
  }

  for (const operation of operations) await perform(operation);
  return operations.flatMap((operation) => results.get(operation) ?? []);
}

function readPath(path: string): { readonly endpoint: string; readonly id?: string } {
  const [, endpoint = path, id] = /^(\/[A-Za-z]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  return { endpoint, ...defined({ id }) };
}

function describe(resource: ScimResource | undefined, place: string) {
  const { version, location } = membersOf(resource?.['meta']) ?? {};
  return {
    location: typeof location === 'string' ? location : place,
    ...(typeof version === 'string' ? { version } : {}),
  };
}

function statusOf(method: BulkOperation['method']): string {
  return method === 'POST' ? '201' : method === 'DELETE' ? '204' : '200';
}

function unresolved() {
  return scimErrors.error(
    'scim_bulk_reference',
    'It names the bulkId of an operation that failed or cannot run before this one.',
  );
}

/** A reference to the resource that another operation creates (RFC 7644 section 3.7.2). */
const prefix = 'bulkId:';

function bulkIdsIn(value: Json | undefined, known: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  replaceBulkIds(value ?? null, (bulkId) => {
    if (known.has(bulkId)) found.add(bulkId);
    return undefined;
  });
  return found;
}

function replaceBulkIds(value: Json, idOf: (bulkId: string) => string | undefined): Json {
  if (typeof value === 'string') return value.startsWith(prefix) ? (idOf(value.slice(prefix.length)) ?? value) : value;
  if (Array.isArray(value)) return value.map((item: Json) => replaceBulkIds(item, idOf));
  const members = membersOf(value);
  if (members === undefined) return value;
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, replaceBulkIds(member, idOf)]));
}
