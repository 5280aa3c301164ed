export const en = {
  banner: 'Development installation. Not for real business.',
  enrol: {
    title: 'Device enrolment',
    lead: (device: string) => `This browser will be enrolled as ${device}.`,
    device: 'Device',
    firm: 'Firm',
    holder: 'Assigned to',
    anybody: 'Everybody in the firm',
    what: 'A key is created in this browser and cannot leave it. The key identifies this device.',
    check: 'Continue only on the device named above, and in the browser you use for work.',
    button: 'Enrol this browser',
    noScript:
      'This page needs JavaScript to create a key in your browser. Allow JavaScript for this page and reload it.',
    waiting: 'Creating the key.',
    failed: 'The key could not be created or stored. Leave private browsing and try again.',
    unsupported: 'This browser cannot create the key here. Use a current browser over https.',
  },
  enrolled: {
    devices: 'Your devices',
    title: 'Browser enrolled',
    lead: (device: string) => `This browser is now recognised as ${device} when you sign in.`,
    keeping: 'Storing the key. Keep this page open for a moment.',
    kept: 'The key has been stored. You can close this page.',
    notKept:
      'The key could not be stored, so this browser will not be recognised. Leave private browsing and ask for a new link.',
  },
};

export type Texts = typeof en;
