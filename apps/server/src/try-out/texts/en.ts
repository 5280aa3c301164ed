/** What the page of the try-out says. */
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
    'Every step was recorded before it was answered. The number of the transaction stands in the address of its page.',
  notReal:
    'The firms, the people and the order are made up, and the order goes nowhere. This page is there only in a development installation: whoever opens it becomes a supervisor of the example house.',
};

export type Texts = typeof en;
