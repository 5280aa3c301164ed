/**
 * The states in which each kind of intent accepts approvals: those whose next step is decided by policies or needs approvals of
 * its own. `tests/src/approval-states.test.ts` compares them with the life cycles of the transaction registry.
 */
const statesOf: Readonly<Record<string, readonly string[]>> = {
  'urn:countersign:rar:v1:trade_order': ['intended', 'executed', 'cleared'],
  'urn:countersign:rar:v1:rfq': ['intended', 'quoted'],
  'urn:countersign:rar:v1:allocation': ['intended'],
  'urn:countersign:rar:v1:clearing_submission': ['intended'],
  'urn:countersign:rar:v1:settlement_instruction': ['intended', 'affirmed'],
  'urn:countersign:rar:v1:collateral_transfer': ['pledged', 'approved'],
  'urn:countersign:rar:v1:withdrawal': ['intended', 'requested'],
  'urn:countersign:rar:v1:address_book_change': ['intended', 'proposed'],
  'urn:countersign:rar:v1:regulatory_report': ['intended'],
  'urn:countersign:rar:v1:privileged_admin': ['intended'],
};

/** @param intentType URN of the authorization-detail type */
export function takesApprovalsIn(intentType: string, state: string): boolean {
  return statesOf[intentType]?.includes(state) === true;
}
