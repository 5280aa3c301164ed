/** What the pages about lost factors say, and what people are told of them. */
export const en = {
  notices: {
    opened: (until: string) =>
      `Somebody has reported to your firm that you lost your security key, and asks for a new one in your name. If this was not you, call your firm's security at once, or call it off with a key that still works. It ends by itself on ${until}.`,
    approved:
      "Your firm has approved that you get a new security key. Everything you signed in with has ended now. If this was not you, call your firm's security at once.",
    refused: 'The report that you lost your security key was turned down by your firm. Nothing has changed.',
    cancelled: 'The report that you lost your security key was called off.',
    expired:
      'The report that you lost your security key was not through in time. If you still need a new key, report it again.',
    completed: (until: string) =>
      `A new security key was enrolled in your name. Until ${until} you can look at everything, and nothing that moves value is done in your name. If this was not you, call your firm's security at once.`,
  },
  request: {
    title: 'Lost your security key?',
    lead: 'Say who you are, and your firm is told that you need help. Nothing else happens by this page.',
    name: 'Your id with Countersign',
    nameHint: 'As it is shown when you are signed in, for example person:anna.keller.',
    send: 'Tell my firm',
    safer: "You can also call your firm's security. They ask who you are before anything changes.",
    toStart: 'Go to the start page',
    sentTitle: 'Thank you',
    sentLead: 'If there is such an account, the people who look after it have been told.',
    sentNext:
      'They will come to you by the way your firm has agreed with you. Countersign sends no link by mail, and nobody needs a code or a PIN from you.',
  },
  list: {
    title: 'Lost factors that wait for you',
    lead: 'You are signed in as',
    none: 'No recovery waits for your approval.',
    who: 'Whose',
    opened: 'Opened',
    before: 'Before',
  },
  one: {
    title: (person: string) => `Let ${person} enrol a new key?`,
    lead: 'Approve only if you know, from somebody other than who opened this, that the person really lost their key.',
    warning:
      'When both functions have approved, everything the person signs in with ends at once. Then they are invited to enrol, and for a while nothing that moves value is done in their name.',
    person: 'Whose',
    openedBy: 'Opened by',
    openedAt: 'Opened',
    before: 'Decide before',
    reason: 'Reason',
    evidence: 'Identity proved by',
    approved: 'Approved so far',
    nobody: 'nobody yet',
    missing: 'Still to approve',
    digest: 'Fingerprint of this recovery',
    functionOf: (name: string, by: string) => `${name}: ${by}`,
    approveTitle: 'Approve',
    approveHint: 'Your security key signs exactly what is shown here.',
    approve: 'Approve with my key',
    refuseTitle: 'Turn it down',
    refuseReason: 'Why? It is recorded, and the person is told that it was turned down.',
    refuse: 'Turn down',
  },
  cancel: {
    keep: 'Do not call it off',
    title: 'Call off this recovery?',
    lead: 'Somebody has reported that you lost your security key. If you still have it, call this off with it.',
    hint: 'Your key signs that nothing is lost. What you have stays as it is.',
    cancel: 'Call off with my key',
    since: 'Reported',
  },
  done: {
    approvedTitle: 'You have approved',
    approvedWaits: 'It now waits for the other function.',
    approvedAll:
      'Both functions have approved. What the person had is ending now; then whoever opened this hands them the link to enrol.',
    refusedTitle: 'You have turned it down',
    refusedLead: 'It has ended, and the person is told.',
    cancelledTitle: 'It is called off',
    cancelledLead:
      'What you have stays as it is. Tell your firm’s security: somebody asked for a new key in your name.',
    account: 'Your account',
    back: 'See what else waits for you',
  },
};
export type Texts = typeof en;
