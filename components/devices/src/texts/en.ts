/** The sentences of the pages. */
export const en = {
  banner: 'Development installation. Not for real business.',
  enrol: {
    title: 'Enrol this device',
    lead: (device: string) => `This browser is to be known as ${device} from now on.`,
    device: 'Device',
    firm: 'Firm',
    holder: 'Belongs to',
    anybody: 'Anybody of the firm',
    what: 'A key is made in this browser and stays here. Only whoever uses this browser can show that it is this device.',
    check: 'Go on only at the device that is named above, and in the browser that you work with.',
    button: 'Enrol this browser',
    noScript:
      'This page makes a key in your browser and needs JavaScript for it. Allow JavaScript for this page and load it again.',
    waiting: 'The key is being made.',
    failed: 'The key could not be made or kept. Leave private browsing, and try again.',
    unsupported: 'This browser cannot make such a key here. Use a current browser, over https.',
  },
  enrolled: {
    devices: 'Your devices',
    title: 'This browser is enrolled',
    lead: (device: string) => `It shows that it is ${device} from now on, when you sign in.`,
    keeping: 'Its key is being kept. Leave this page open for a moment.',
    kept: 'Its key is kept. You can close this page.',
    notKept:
      'The key could not be kept in this browser, so it will not be known. Ask for a new link, and leave private browsing.',
  },
};

export type Texts = typeof en;
