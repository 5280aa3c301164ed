import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { common, digest, identifier } from './fields.ts';

/** A change to the control plane or a system under it. A creation has no first hash; a removal has no second hash. */
export const privilegedAdminShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:privileged_admin', ['request', 'approve', 'execute']),
      target: Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' }),
      operation: identifier(),
      before_hash: Type.Optional(digest()),
      after_hash: Type.Optional(digest()),
      ticket: identifier(),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type PrivilegedAdmin = Static<typeof privilegedAdminShape.schema>;
