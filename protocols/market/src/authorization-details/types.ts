import { namesOf } from '@countersign/kernel';
import { type AddressBookChange, addressBookChangeShape } from './address-book-change.ts';
import { type Allocation, allocationShape } from './allocation.ts';
import { type ClearingSubmission, clearingSubmissionShape } from './clearing-submission.ts';
import { type CollateralTransfer, collateralTransferShape } from './collateral-transfer.ts';
import { type PrivilegedAdmin, privilegedAdminShape } from './privileged-admin.ts';
import { type RegulatoryReport, regulatoryReportShape } from './regulatory-report.ts';
import { type Rfq, rfqShape } from './rfq.ts';
import { type SettlementInstruction, settlementInstructionShape } from './settlement-instruction.ts';
import { type TradeOrder, tradeOrderShape } from './trade-order.ts';
import { type Withdrawal, withdrawalShape } from './withdrawal.ts';

export const authorizationDetailShapes = {
  'urn:countersign:rar:v1:trade_order': tradeOrderShape,
  'urn:countersign:rar:v1:rfq': rfqShape,
  'urn:countersign:rar:v1:allocation': allocationShape,
  'urn:countersign:rar:v1:clearing_submission': clearingSubmissionShape,
  'urn:countersign:rar:v1:settlement_instruction': settlementInstructionShape,
  'urn:countersign:rar:v1:collateral_transfer': collateralTransferShape,
  'urn:countersign:rar:v1:address_book_change': addressBookChangeShape,
  'urn:countersign:rar:v1:withdrawal': withdrawalShape,
  'urn:countersign:rar:v1:regulatory_report': regulatoryReportShape,
  'urn:countersign:rar:v1:privileged_admin': privilegedAdminShape,
} as const;

export type AuthorizationDetail =
  | TradeOrder
  | Rfq
  | Allocation
  | ClearingSubmission
  | SettlementInstruction
  | CollateralTransfer
  | AddressBookChange
  | Withdrawal
  | RegulatoryReport
  | PrivilegedAdmin;

export type AuthorizationDetailType = AuthorizationDetail['type'];
export type DetailOf<DetailType extends AuthorizationDetailType> = Extract<AuthorizationDetail, { type: DetailType }>;

export const authorizationDetailTypes = namesOf(authorizationDetailShapes);

export function isAuthorizationDetailType(type: unknown): type is AuthorizationDetailType {
  return typeof type === 'string' && Object.hasOwn(authorizationDetailShapes, type);
}
