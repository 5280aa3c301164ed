import type { ApproverRole } from '@countersign/contracts';

/** The words of the approval pages. The fields of an intent are decoded by `@countersign/market` and shown unchanged. */
export const en = {
  list: {
    title: 'Pending approvals',
    lead: 'Each of these transactions needs approval from your role.',
    signedInAs: 'Signed in as',
    none: 'No transactions are awaiting your approval.',
    reload: 'Reload this page to check for new transactions.',
    more: 'Not all pending transactions fit on this page. More will appear when you have decided on some of these.',
    choose: 'Select several transactions to review them on one page and sign once, or open a single transaction.',
    tick: 'Select for joint approval:',
    open: 'Review',
    together: 'Review selected',
    warned: (count: number) => (count === 1 ? '1 warning' : `${count} warnings`),
    startedBy: 'Started by',
    before: 'Decide before',
    other: 'Access requests from applications',
  },
  intent: {
    lead: 'Check every line against your own information. You sign exactly what is shown here.',
    warnings: 'Please check carefully',
    what: 'Transaction details',
    who: 'Parties and approvals',
    startedBy: 'Started by',
    ofFirm: 'Institution',
    state: 'Status',
    decideBefore: 'Decide before',
    awaited: 'Outstanding approvals',
    awaitedNothing: 'none',
    standsIn: (role: string, other: string, from: string) =>
      `without a response from ${from}: ${role} in place of ${other}`,
    given: 'Approved by',
    nobody: 'no one yet',
    somebody: 'one person',
    declinedBy: 'Declined by',
    fingerprint: 'Transaction fingerprint',
    wanted: (count: number, role: string, independent: boolean) =>
      `${count === 1 ? '1 person' : `${count} people`}, ${role}${independent ? ', from a different desk than the initiator' : ''}`,
  },
  changes: {
    warned: 'New since your last review',
    earlier: 'Changed since your last review',
    earlierAt: (when: string) =>
      `On ${when} you reviewed an earlier version of this request. The following details have changed:`,
    what: 'Field',
    before: 'Before',
    now: 'Now',
    nothing: 'empty',
    open: 'View the earlier version',
  },
  sign: {
    title: 'Sign with your security key',
    hint: 'Your security key signs the transaction fingerprint. The signature is stored and remains valid until the time shown above.',
    counts: 'Your approval will be valid until',
    asRole: 'You approve as',
    approve: 'Approve and sign',
    roleTitle: 'Which role are you approving in?',
    roleHint: 'Each signature counts for one role. Select the role in which you approve.',
    chooseRole: 'Continue',
    timeout: 'Sign within ten minutes, or reload this page.',
  },
  decline: {
    summary: 'Decline this transaction',
    reason: 'Reason',
    hint: 'Other approvers at your institution will see this reason. They can still approve the transaction, and the initiator can cancel it.',
    button: 'Decline',
  },
  done: {
    approved: 'You have approved this transaction',
    until: 'Your approval is valid until',
    declined: 'You have declined this transaction',
    because: 'Your reason',
    stillMay: 'You can still approve this transaction.',
    back: 'Back to pending approvals',
    evidence: 'View the evidence',
    withdraw: 'Withdraw my approval',
    withdrawHint: 'You can withdraw your approval until a step of the transaction relies on it.',
  },
  batch: {
    title: (count: number) => (count === 1 ? 'One transaction' : `${count} transactions, one signature`),
    lead: 'Your signature approves all of these transactions or none. Remove any transaction that you would not approve on its own.',
    item: (position: number, count: number) => `${position} of ${count}`,
    without: 'Remove this transaction',
    root: 'Fingerprint of the list',
    approve: (count: number) => (count === 1 ? 'Approve and sign' : `Approve all ${count} and sign`),
    done: (count: number) =>
      count === 1 ? 'You have approved 1 transaction' : `You have approved ${count} transactions`,
    unfit: 'These transactions cannot be approved with the others:',
    leaveOut: 'Review the remaining transactions',
  },
  problem: {
    title: 'This action could not be completed',
    unavailable: 'Temporarily unavailable',
    changed: 'The transaction has changed',
    code: 'Please quote this code if you contact support:',
    lookAgain: 'Review the current version',
  },
  problems: {
    transaction_not_found: 'This transaction does not exist, or you do not have access to it.',
    approval_self:
      'You started or took over this transaction, so you cannot approve it. Another person must approve it.',
    approval_not_independent:
      'You and the initiator or another approver are not independent, because one of you invited the other to register a security key. Another person must approve this transaction.',
    approval_repeated: 'You have already approved this transaction. Each person can approve it once.',
    approval_withdrawn: 'You have withdrawn this approval. Review the transaction and sign again.',
    approval_used: 'The transaction already relies on your approval, so you can no longer withdraw it.',
    approval_expired: 'Your approval has expired. Review the transaction and sign again.',
    intent_expired: 'The deadline for this transaction has passed.',
    approval_not_awaited: 'This transaction does not need your approval at this stage.',
    approval_out_of_turn: 'Another person must approve this transaction before you can.',
    approval_role: 'You do not hold the role required to approve this transaction, or you have not selected one.',
    approval_institution: 'Only people at the institution whose approval is required can approve this transaction.',
    approval_terms_changed: 'The signed details do not match this transaction. Please review it again.',
    approval_batch_root: 'The signed list does not match the list you were shown. Please review it again.',
    approval_malformed: 'The signature is not a valid approval. Review the transaction and sign again.',
    approval_key_unknown: 'The security key used is not registered to you.',
    approval_authenticator: 'Approvals require a stronger security key than the one you used.',
    approval_unsettled:
      'You cannot approve transactions at the moment. Your account is locked, may have been used by someone else, or was recovered recently. Another person must approve this transaction.',
    duties_combined: 'You have already acted on this transaction in another capacity. Another person must approve it.',
    decline_reason: 'Enter a reason of 1 to 500 characters.',
    approval_changed:
      'The transaction has changed since you opened this page. Nothing was signed. Please review it again.',
    sign_in_abandoned: 'You are not signed in for approvals. Sign in to see your pending approvals.',
    decision_missing: 'The form does not contain a decision. Go back and select an action.',
    csrf_token_invalid: 'This form is no longer valid. Open the page again.',
    form_malformed: 'The form could not be read. Go back and submit it again.',
    batch_empty: 'No transactions were selected. Go back and select at least one.',
    batch_too_large: 'Too many transactions were selected. Select at most 30.',
    batch_role: 'You cannot approve all of these transactions in one role. Review them individually.',
    person_unknown: 'You are not registered in the directory, or your entry is inactive.',
    challenge_unknown:
      'This page has already been used or has expired. Nothing further was approved. Please review the transaction again.',
    challenge_mismatch: 'The signature does not match the request on this page. Nothing was approved.',
    credential_malformed: 'The response from your security key could not be read. Nothing was approved.',
    credential_unknown: 'This security key is not registered to you. Nothing was approved.',
    credential_shared:
      'This security key is also registered to another person. Nothing was approved. Register a different security key.',
    origin_wrong: 'Another website requested this signature. Nothing was approved. Please inform your security team.',
    rp_id_wrong: 'This signature was made for another website. Nothing was approved. Please inform your security team.',
    user_not_present: 'Your security key was not touched. Nothing was approved.',
    user_not_verified: 'Your security key did not ask for a PIN or fingerprint. Nothing was approved.',
    signature_wrong: 'The signature was not made by your security key. Nothing was approved.',
    answer_overtaken:
      'You have used this security key for another confirmation in the meantime. Nothing was approved. Please try again.',
    counter_rolled_back:
      'A copy of this security key may exist, so it has been locked. Nothing was approved. Please contact support.',
    backup_flags_changed:
      'This security key has changed since it was registered. Nothing was approved. Please contact support.',
    authenticator_too_weak: 'Approvals require a stronger security key than this one.',
    authenticator_none:
      'You have no security key that can sign approvals. Add one in your account settings, or contact support.',
    account_locked: 'Your account is locked. Nothing was approved. Please contact support.',
    log_unavailable: 'The action could not be recorded, so it was not carried out. Please try again shortly.',
    database_unavailable: 'The service is temporarily unavailable. Nothing was changed. Please try again shortly.',
    internal_error: 'An internal error occurred. Nothing was approved. Please try again later.',
  },
  warnings: {
    destination_new: 'No previous transfer to this destination.',
    destination_unknown:
      'The destination does not match an active address book entry. The transfer cannot be released.',
    trade_unknown:
      'No executed trade between these parties has sufficient remaining quantity. The transaction cannot proceed.',
    algorithmic: 'This transaction was started by an algorithm.',
    no_limit_price: 'No limit price: the order executes at any market price.',
    free_of_payment: 'Delivery free of payment: no payment is received in return.',
    call_data: 'This transaction calls a smart contract. Only the hash of the call is shown, not its effect.',
    removal: 'This change removes a setting or an entry.',
    cooling_off_short: 'The destination can be used in less than a day, which leaves little time to detect errors.',
    initiator_gone: 'The initiator is no longer in the directory or is inactive.',
    exception_open: 'An exception is open. The transaction cannot proceed until it has been resolved.',
    intent_expired: 'The deadline for this transaction has passed.',
    intent_expires_soon: 'The deadline for this transaction is less than 15 minutes away.',
  },
  roles: {
    compliance: 'compliance',
    'desk-head': 'head of desk',
    operations: 'operations',
    risk: 'risk',
    supervisor: 'supervisor',
  } satisfies Record<ApproverRole, string>,
  /** Translations of field names of the decoded intent; a name without translation is shown as it is. */
  labels: {},
  /** Names of states; a state without one is shown as it is. */
  states: {},
};

export interface Texts extends Omit<typeof en, 'labels' | 'states'> {
  readonly labels: Readonly<Record<string, string>>;
  readonly states: Readonly<Record<string, string>>;
}
