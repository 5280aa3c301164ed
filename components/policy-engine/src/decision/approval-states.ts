/**
 * In which states of each kind of intent approvals are taken: those from which a step comes next that the policies are
 * asked about, or that wants approvals of its own. In every other state nobody can give what is missing.
 *
 * The lives are the transaction registry's; `tests/src/approval-states.test.ts` compares.
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
