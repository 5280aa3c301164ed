/** Texts of the try-out page. */
export const en = {
  banner: 'Development installation. Nothing here is real.',
  title: 'Try it',
  lead: 'An algorithm of an example house wants to buy bonds for half a million. That is too much for it alone: a supervisor has to sign this exact order. You are the supervisor.',
  keyTitle: '1. Register a key',
  keyText:
    'A security key, or a passkey of this device. The operator of this installation invites you by a link that works once, as a firm would after checking who you are; here nobody checks.',
  key: 'Register a key',
  keyAfter: 'The page opens beside this one. Come back here when it is done.',
  orderTitle: '2. Approve an order',
  orderText:
    'The order is placed, and you are led to it. Sign in with your key, read what would be done, and approve it: your key signs the digest of this order and of nothing else.',
  order: 'Place the order and open it',
  proofTitle: '3. See the proof',
  proofText:
    'Every step is recorded before it is answered. After your approval, follow the link to the evidence of the order: you can download it and verify it without this server.',
  notReal:
    'The firms, people and order are fictitious, and the order is sent nowhere. This page exists only in a development installation: each visitor becomes a supervisor of the example firm.',
  proof: {
    title: 'Evidence of the order',
    lead: 'This is everything that the audit log recorded about the order.',
    transaction: 'Transaction',
    verdict: 'Verified by this server',
    verdicts: {
      verified: 'Verified: every check holds',
      incomplete: 'Incomplete: nothing is wrong, but some values are withheld',
      unanchored: 'Consistent, but not anchored to a known log',
      failed: 'Not verified: a check fails',
    },
    approval: 'Your approval',
    approved: 'Recorded, with the signature of your key',
    notApproved: 'Not yet recorded.',
    toApproval: 'Approve the order',
    verifyTitle: 'Verify it yourself',
    verifyText: 'Do not rely on this server: the checks need neither it nor a network.',
    bundle: 'Download the evidence bundle',
    trust: 'Download the trust file',
    trustHint: 'The key and a checkpoint of the log. In real business you get it by another way than the bundle.',
    page: 'Open the verification page, and choose both files there',
    command: 'Or verify on the command line:',
    recordsTitle: 'Records',
  },
};

export type Texts = typeof en;
