import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { common, decimal, identifier, lei, tradeId } from './fields.ts';

export const allocationShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:allocation', ['propose', 'approve', 'giveup']),
      /** The executed trades to allocate. An order is executed once. */
      trade_ids: Type.Array(tradeId(), { minItems: 1, maxItems: 64, uniqueItems: true }),
      lines: Type.Array(Type.Object({ account: identifier(), qty: decimal() }, { additionalProperties: false }), {
        minItems: 1,
        maxItems: 256,
      }),
      giveup_to_lei: Type.Optional(lei()),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type Allocation = Static<typeof allocationShape.schema>;
