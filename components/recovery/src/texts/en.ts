/** The texts of the recovery pages and notices. */
export const en = {
  notices: {
    opened: (until: string) =>
      `A key recovery was opened for your account because a lost security key was reported. If this was not you, contact your firm’s security department immediately, or cancel the recovery with a key that still works. It expires on ${until}.`,
    approved:
      'Your key recovery was approved. All your keys and sessions are being revoked. If this was not you, contact your firm’s security department immediately.',
    refused: 'Your key recovery was rejected. Nothing has changed.',
    cancelled: 'Your key recovery was cancelled.',
    expired: 'Your key recovery expired. If you still need a new key, ask for a recovery again.',
    completed: (until: string) =>
      `A new security key was registered for your account. Until ${until} you have read access only; trading and transfers are blocked. If this was not you, contact your firm’s security department immediately.`,
  },
  request: {
    title: 'Lost your security key?',
    lead: 'Enter your ID to inform your firm that you need help. This page does not change your account.',
    name: 'Your Countersign ID',
    nameHint: 'As shown when you are signed in, for example person:anna.keller.',
    send: 'Inform my firm',
    safer: 'You can also call your firm’s security department. They verify your identity before making any change.',
    toStart: 'Go to the start page',
    sentTitle: 'Thank you',
    sentLead: 'If this account exists, its administrators have been informed.',
    sentNext:
      'They will contact you through the channel agreed with your firm. Countersign never sends links by email, and nobody will ask you for a code or PIN.',
  },
  list: {
    title: 'Key recoveries awaiting your approval',
    lead: 'You are signed in as',
    none: 'No key recoveries awaiting your approval.',
    who: 'Person',
    opened: 'Opened',
    before: 'Decide by',
  },
  one: {
    title: (person: string) => `Key recovery for ${person}`,
    lead: 'Approve only if a source other than the person who opened this recovery has confirmed to you that the key is lost.',
    warning:
      'After both functions approve, all keys and sessions of the person are revoked. The person is then invited to register a new key; trading and transfers are blocked for a cooling-off period.',
    person: 'Person',
    openedBy: 'Opened by',
    openedAt: 'Opened',
    before: 'Decide by',
    reason: 'Reason',
    evidence: 'Proof of identity',
    approved: 'Approvals',
    nobody: 'none',
    missing: 'Outstanding approvals',
    digest: 'Digest',
    functionOf: (name: string, by: string) => `${name}: ${by}`,
    approveTitle: 'Approval',
    approveHint: 'Your security key signs exactly what is shown here.',
    approve: 'Approve with security key',
    refuseTitle: 'Rejection',
    refuseReason: 'Reason (recorded in the audit log; the person is informed of the rejection)',
    refuse: 'Reject',
  },
  cancel: {
    keep: 'Keep this recovery',
    title: 'Cancellation of this key recovery',
    lead: 'Your security key was reported lost. If you still have it, use it to cancel this recovery.',
    hint: 'You confirm with your key that it is not lost. Your keys and sessions stay valid.',
    cancel: 'Cancel recovery with security key',
    since: 'Reported',
  },
  done: {
    approvedTitle: 'Approval recorded',
    approvedWaits: 'The approval of the other function is outstanding.',
    approvedAll:
      'Both functions have approved. The person’s keys and sessions are being revoked. The operator who opened this recovery then gives the person a registration link.',
    refusedTitle: 'Recovery rejected',
    refusedLead: 'The recovery is closed, and the person has been informed.',
    cancelledTitle: 'Recovery cancelled',
    cancelledLead:
      'Your keys and sessions stay valid. Inform your firm’s security department that a key recovery was opened in your name.',
    account: 'Your account',
    back: 'Key recoveries awaiting your approval',
  },
};
export type Texts = typeof en;
