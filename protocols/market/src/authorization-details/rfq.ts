import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { common, dateTime, identifier, lei } from './fields.ts';
import { orderFields } from './trade-order.ts';

export const rfqShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:rfq', ['create', 'respond', 'accept', 'cancel']),
      ...orderFields(),
      counterparties_lei: Type.Array(lei(), { minItems: 1, maxItems: 64, uniqueItems: true }),
      quote_id: Type.Optional(identifier()),
      quote_expiry: Type.Optional(dateTime()),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type Rfq = Static<typeof rfqShape.schema>;
