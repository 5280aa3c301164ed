export const en = {
  page: {
    skip: 'Skip to the content',
    colophon:
      'Check the address of this page before you continue. Countersign asks for no password, neither here nor by mail or telephone.',
  },
  form: {
    fieldProblem: 'Please correct this:',
    formProblem: 'Nothing was done.',
  },
  ceremony: {
    waiting: 'Follow what your browser or your security key asks for.',
    cancelled:
      'Nothing was confirmed: it was cancelled, took too long, or no fitting key was there. You can try again.',
    failed: 'Your security key or passkey could not answer. Try again, or with another one.',
    registered: 'This security key or device is registered already. Use another one.',
    unfit: 'This security key or device cannot do what is needed here: a PIN or fingerprint, and a key kept on it.',
    place: 'This page was opened under an address that keys do not answer to. Check the address in your browser.',
    unsupported: 'This browser cannot use security keys or passkeys. Open the page in a current browser.',
    scriptNeeded:
      'A security key or passkey can only be asked by a script of this page. Switch on JavaScript for this address and load the page again.',
  },
};
export type Texts = typeof en;
