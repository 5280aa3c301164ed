import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { common, lei, uti } from './fields.ts';

/**
 * ISO 20022 action types (EMIR Refit, CFTC): new, modify, correct, terminate, error, revive, valuation, margin,
 * position component, port.
 */
export const reportActions = ['NEWT', 'MODI', 'CORR', 'TERM', 'EROR', 'REVI', 'VALU', 'MARU', 'POSC', 'PRTO'] as const;

export const regulatoryReportShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:regulatory_report', ['submit', 'correct']),
      /** The regulation that requires the report, e.g. `EMIR`, `MIFIR`, `CFTC_45`. */
      regime: Type.String({ pattern: '^[A-Z][A-Z0-9_-]{1,31}$' }),
      uti: uti(),
      action: Type.Enum([...reportActions]),
      tr_lei: lei(),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type RegulatoryReport = Static<typeof regulatoryReportShape.schema>;
