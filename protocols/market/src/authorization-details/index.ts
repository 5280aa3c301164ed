export type { AddressBookChange } from './address-book-change.ts';
export type { Allocation } from './allocation.ts';
export {
  type ApplicationDetail,
  type ApplicationDetailTypeName,
  isApplicationDetail,
  isApplicationDetailTypeName,
  namesApplicationDetail,
  namesApplicationDetails,
} from './application-detail.ts';
export type { ClearingSubmission } from './clearing-submission.ts';
export type { CollateralTransfer } from './collateral-transfer.ts';
export { type Description, type DescriptionLine, describeAuthorizationDetail } from './describe.ts';
export { parseDecimalText, parseQuantity } from './field-rules.ts';
export {
  artifactPattern,
  asset,
  country,
  currency,
  decimal,
  idempotencyKeyPattern,
  identifier,
  identifierPattern,
  instrumentId,
  lei,
  mic,
  money,
} from './fields.ts';
export { type DetailsCounterexample, type NarrowedDetails, narrowDetails } from './narrow-details.ts';
export {
  type InvalidAuthorizationDetails,
  type ParsedAuthorizationDetails,
  parseAuthorizationDetail,
  parseAuthorizationDetails,
} from './parse.ts';
export type { PrivilegedAdmin } from './privileged-admin.ts';
export { type RegulatoryReport, reportActions } from './regulatory-report.ts';
export { exactlyOne } from './relations.ts';
export type { Rfq } from './rfq.ts';
export { scopeActionOf } from './scope-action.ts';
export type { SettlementInstruction } from './settlement-instruction.ts';
export {
  type Capacity,
  capacities,
  type Side,
  sides,
  type TimeInForce,
  type TradeOrder,
  type TradeOrderAction,
  timesInForce,
  tradeOrderActions,
} from './trade-order.ts';
export {
  type GrantedStep,
  isTransactionStep,
  namesStep,
  parseTokenDetails,
  parseTransactionStep,
  type TokenDetail,
  type TransactionStep,
} from './transaction-step.ts';
export {
  type AuthorizationDetail,
  type AuthorizationDetailType,
  authorizationDetailShapes,
  authorizationDetailTypes,
  type DetailOf,
  isAuthorizationDetailType,
} from './types.ts';
export type { Withdrawal } from './withdrawal.ts';
