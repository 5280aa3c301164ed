import { Type } from 'typebox';
import { errorUrn } from '../schema/scim-errors.ts';
import { mediaType } from './answers.ts';

// Bodies for openapi.json. The SCIM schemas validate the bodies, because their errors are more precise.

const open = { additionalProperties: true };
const urns = Type.Array(Type.String());

export const resourceBody = Type.Object({ schemas: urns }, { ...open, title: 'ScimResource' });
export const patchBody = Type.Object(
  {
    schemas: urns,
    Operations: Type.Array(
      Type.Object(
        { op: Type.String(), path: Type.Optional(Type.String()), value: Type.Optional(Type.Unknown()) },
        open,
      ),
    ),
  },
  { ...open, title: 'ScimPatch' },
);
export const searchBody = Type.Object(
  {
    schemas: urns,
    filter: Type.Optional(Type.String()),
    sortBy: Type.Optional(Type.String()),
    sortOrder: Type.Optional(Type.Enum(['ascending', 'descending'])),
    startIndex: Type.Optional(Type.Integer()),
    count: Type.Optional(Type.Integer()),
    attributes: Type.Optional(urns),
    excludedAttributes: Type.Optional(urns),
  },
  { ...open, title: 'ScimSearch' },
);
export const listBody = Type.Object(
  {
    schemas: urns,
    totalResults: Type.Integer(),
    startIndex: Type.Integer(),
    itemsPerPage: Type.Integer(),
    Resources: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  },
  { ...open, title: 'ScimList' },
);
const text = Type.Optional(Type.String());
export const bulkBody = Type.Object(
  {
    schemas: urns,
    failOnErrors: Type.Optional(Type.Integer({ minimum: 1 })),
    Operations: Type.Array(
      Type.Object(
        {
          method: Type.String(),
          path: Type.String(),
          bulkId: text,
          version: text,
          data: Type.Optional(Type.Unknown()),
        },
        open,
      ),
    ),
  },
  { ...open, title: 'ScimBulk' },
);
export const bulkAnswer = Type.Object(
  {
    schemas: urns,
    Operations: Type.Array(
      Type.Object({ method: Type.String(), bulkId: text, version: text, location: text, status: Type.String() }, open),
    ),
  },
  { ...open, title: 'ScimBulkAnswer' },
);
export const listQuery = Type.Object({
  filter: text,
  sortBy: text,
  sortOrder: text,
  startIndex: text,
  count: text,
  attributes: text,
  excludedAttributes: text,
});
export const projectionQuery = Type.Object({ attributes: text, excludedAttributes: text });
export const idParams = Type.Object({ id: Type.String({ maxLength: 512 }) });
export const preconditionHeaders = Type.Object({ 'if-match': text });
const errorBody = Type.Object(
  {
    schemas: Type.Tuple([Type.Literal(errorUrn)]),
    status: Type.String(),
    scimType: text,
    detail: Type.String(),
  },
  { title: 'ScimError' },
);
export const refused = { description: 'Refused (RFC 7644 section 3.12)', body: errorBody, mediaType };
