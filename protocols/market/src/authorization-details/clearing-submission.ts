import { type Static, Type } from 'typebox';
import { accountTypes } from '../roles.ts';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { common, lei, tradeId, uti } from './fields.ts';

export const clearingSubmissionShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:clearing_submission', ['submit', 'affirm', 'cancel']),
      /** The trade to clear, always in full. */
      trade_id: tradeId(),
      uti: uti(),
      ccp_lei: lei(),
      clearing_firm_lei: lei(),
      client_account_type: Type.Enum([...accountTypes]),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type ClearingSubmission = Static<typeof clearingSubmissionShape.schema>;
