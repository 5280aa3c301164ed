import type { PatchOperation } from '../patch/read-patch.ts';
import type { Asserted } from '../schema/read-resource.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import { isScimId } from '../schema/scim-id.ts';
import { type Caller, notFound } from './provision-users.ts';
import type { ScimResource } from './users.ts';

export interface ResourceOperations {
  readonly shape: ResourceShape;
  readonly summaries: Readonly<Record<'create' | 'remove', { readonly summary: string; readonly description: string }>>;
  read(id: string, institution: string): Promise<ScimResource>;
  create(resource: Asserted, by: Caller): Promise<ScimResource>;
  replace(id: string, resource: Asserted, by: Caller, ifMatch: string | undefined): Promise<ScimResource>;
  patch(
    id: string,
    operations: readonly PatchOperation[],
    by: Caller,
    ifMatch: string | undefined,
  ): Promise<ScimResource>;
  remove(id: string, by: Caller, ifMatch: string | undefined): Promise<void>;
}

export function idOf(text: string): string {
  if (!isScimId(text)) throw notFound();
  return text.toLowerCase();
}
