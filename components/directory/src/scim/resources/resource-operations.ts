import type { Actor } from '@countersign/contracts';
import type { PatchOperation } from '../patch/read-patch.ts';
import type { Asserted } from '../schema/read-resource.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import { isScimId } from '../schema/scim-id.ts';
import { notFound } from './preconditions.ts';
import type { ScimResource } from './users.ts';

/** Its institution is the one of the provisioning token. */
export type Caller = Required<Pick<Actor, 'id' | 'institution'>>;

/** SCIM operations on one kind of resource. All but `read` throw CodedErrors of `scimErrors` and `directoryErrors`. */
export interface Provisioning {
  read(id: string, institution: string): Promise<ScimResource>;
  /** @throws CodedError `scim_name_taken`, those of {@link replace} */
  create(resource: Asserted, by: Caller): Promise<ScimResource>;
  /** Sets the asserted state (RFC 7644 section 3.5.1). */
  replace(id: string, resource: Asserted, by: Caller, ifMatch: string | undefined): Promise<ScimResource>;
  patch(
    id: string,
    operations: readonly PatchOperation[],
    by: Caller,
    ifMatch: string | undefined,
  ): Promise<ScimResource>;
  remove(id: string, by: Caller, ifMatch: string | undefined): Promise<void>;
}

export interface ResourceOperations extends Provisioning {
  readonly shape: ResourceShape;
  readonly summaries: Readonly<Record<'create' | 'remove', { readonly summary: string; readonly description: string }>>;
}

export function idOf(text: string): string {
  if (!isScimId(text)) throw notFound();
  return text.toLowerCase();
}
