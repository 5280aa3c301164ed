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
      /** Seen from `entity_lei`: it delivers collateral, or takes it back. */
      direction: Type.Enum(['DELIVER', 'RETURN']),
      asset: asset(),
      qty: decimal(),
      valuation_ref: identifier(),
      /** The margin call that is answered; absent where none was made. */
      call_id: Type.Optional(identifier()),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type CollateralTransfer = Static<typeof collateralTransferShape.schema>;
