import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { asset, common, decimal, identifier } from './fields.ts';

export const collateralTransferShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:collateral_transfer', [
        'call',
        'pledge',
        'recall',
        'transfer',
        'substitute',
        'approve',
      ]),
      agreement_id: identifier(),
      direction: Type.Enum(['DELIVER', 'RETURN']),
      asset: asset(),
      qty: decimal(),
      valuation_ref: identifier(),
      /** The margin call that this transfer answers; absent if there was none. */
      call_id: Type.Optional(identifier()),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type CollateralTransfer = Static<typeof collateralTransferShape.schema>;
