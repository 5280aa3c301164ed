import { defined, type Json } from '@countersign/kernel';
import type { Attribute, Schema } from './attribute.ts';
import { groupShape, type ResourceShape, userShape } from './resource-shape.ts';

type Document = { readonly [member: string]: Json };

export const maxResults = 200;

/** Each operation is a change of the directory: the limit is what one request has time for. */
export const maxBulkOperations = 100;
export const maxPayloadBytes = 1_048_576;

/** RFC 7643 section 5. */
export function serviceProviderConfig(base: string): Document {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: maxBulkOperations, maxPayloadSize: maxPayloadBytes },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauth2',
        name: 'OAuth 2.0 access token, sender-constrained',
        description:
          'Bound by DPoP (RFC 9449) or by a client certificate (RFC 8705), with the scope identity:read or identity:provision',
        specUri: 'https://www.rfc-editor.org/info/rfc9449',
        primary: true,
      },
      {
        type: 'oauthbearertoken',
        name: 'Provisioning token, bound to a client certificate',
        description:
          'For software that can only be given one bearer token; sent over a connection that shows the certificate it is bound to',
        specUri: 'https://www.rfc-editor.org/info/rfc8705',
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

/** RFC 7643 section 6. */
export function resourceTypes(base: string): readonly Document[] {
  return [userShape, groupShape].map((shape) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: shape.name,
    name: shape.name,
    endpoint: shape.endpoint,
    description: shape.core.description,
    schema: shape.core.id,
    schemaExtensions: shape.extensions.map(({ id }) => ({ schema: id, required: false })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${shape.name}` },
  }));
}

/** RFC 7643 section 7. */
export function schemas(base: string): readonly Document[] {
  return [userShape, groupShape].flatMap(({ core, extensions }: ResourceShape) =>
    [core, ...extensions].map((schema) => describeSchema(schema, base)),
  );
}

function describeSchema({ id, name, description, attributes }: Schema, base: string): Document {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description,
    attributes: attributes.map(describeAttribute),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  };
}

function describeAttribute({ subAttributes, referenceTypes, canonicalValues, ...rest }: Attribute): Document {
  return {
    ...rest,
    ...defined({ referenceTypes, canonicalValues }),
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(describeAttribute) }),
  };
}
