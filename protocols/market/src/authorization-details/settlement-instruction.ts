import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import {
  calendarDate,
  common,
  currency,
  decimal,
  dti,
  identifier,
  placeOfSettlement,
  settlementParty,
  tradeId,
  uti,
} from './fields.ts';

/** Exactly one of `ccy` and `dti` gives the unit of `amount`. */
export const settlementInstructionShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:settlement_instruction', ['instruct', 'affirm', 'release', 'cancel']),
      trade_id: tradeId(),
      uti: uti(),
      sequence: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
      amount: decimal(),
      ccy: Type.Optional(currency()),
      dti: Type.Optional(dti()),
      deliverer: settlementParty(),
      receiver: settlementParty(),
      place_of_settlement: placeOfSettlement(),
      value_date: calendarDate(),
      /** Delivery only against payment. */
      dvp: Type.Boolean(),
      ssi_version: identifier(),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type SettlementInstruction = Static<typeof settlementInstructionShape.schema>;
