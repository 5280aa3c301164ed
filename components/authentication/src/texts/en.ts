import { selfServiceEn } from './self-service-en.ts';

export const en = {
  selfService: selfServiceEn,
  webauthn: {
    lead: 'Use a security key or passkey that you have registered here.',
    stepUp: (person: string) => `Confirm with your security key or passkey that you are ${person}.`,
    use: 'Use security key or passkey',
    refused:
      'This was not accepted. Use a security key or passkey that you have registered here, or contact your firm’s account administrators.',
    tooWeak:
      'This security key or passkey is not strong enough for this action. Use one that cannot be copied and is attested by its manufacturer.',
    used: 'This page has already been used. Try again.',
  },
  certificate: {
    lead: 'Insert your smart card, or have your firm’s certificate ready. Your browser will ask which one to use.',
    use: 'Use certificate or smart card',
    refusals: {
      certificate_missing:
        'Your browser did not present a certificate. Insert your card and try again. If the browser does not ask for a certificate, close all its windows first.',
      certificate_untrusted:
        'This certificate was not issued by an authority trusted here for people. Choose another one.',
      certificate_expired:
        'This certificate, or the certificate of its issuer, is expired or not yet valid. Ask your firm for a new one.',
      certificate_usage: 'This certificate cannot be used to sign in. Choose another one.',
      certificate_key_weak: 'The key of this certificate is too weak. Ask its issuer for a new one.',
      certificate_policy: 'This certificate was not issued under a policy accepted here. Choose another one.',
      certificate_revoked: 'This certificate has been revoked. Ask your firm for a new one.',
      certificate_status_unknown:
        'The revocation status of this certificate is currently unavailable. Try again later, or sign in another way.',
      person_unknown:
        'This certificate is not linked to an account here. Choose another one, or contact your account administrators.',
    },
  },
  card: {
    lead: 'Confirm with the certificate on your smart card: run this command on your computer, with the PKCS #11 module and the PIN of your card. Compare the digests with what you were shown, and paste what the command prints.',
    signature: 'Signature',
    use: 'Confirm with smart card',
    refusals: {
      certificate_untrusted:
        'This was not signed by your card for this page. Run the command again as it is shown here, and paste everything that it prints.',
      certificate_expired: 'The certificate on this card is expired or not yet valid. Ask your firm for a new one.',
      certificate_usage: 'The certificate on this card was not issued for confirmations. Choose another one.',
      certificate_key_weak: 'The key of this card is too weak. Ask your firm for a new one.',
      certificate_policy:
        'The certificate on this card was not issued under a policy accepted here. Choose another one.',
      certificate_revoked: 'The certificate on this card has been revoked. Ask your firm for a new one.',
      certificate_status_unknown:
        'The signature does not prove that the certificate is still valid, or it is too old. Run the command again.',
    },
  },
  federated: {
    lead: 'Sign in with your own firm. It then confirms your identity to us.',
    use: (name: string) => `Sign in at ${name}`,
    refusals: {
      provider_unknown:
        'Sign-in with this firm is currently not available. Sign in another way, or contact your account administrators.',
      provider_refused: 'Your firm did not sign you in. Try again, or sign in another way.',
      provider_answer_refused:
        'The information from your firm was not accepted. Contact your firm’s account administrators.',
      provider_unavailable: 'Your firm’s sign-in service is not responding. Try again later, or sign in another way.',
      person_unknown: 'The information from your firm was not accepted. Contact your firm’s account administrators.',
    },
  },
  enrolment: {
    title: 'Register a security key or passkey',
    lead: 'You have been invited to register a security key or passkey. You will use it to sign in.',
    person: 'Person',
    firm: 'Firm',
    until: 'Single-use link, valid until',
    notYou: 'If this is not you, close this page and inform the sender of the link.',
    how: 'Your browser will ask for your key and for its PIN, your fingerprint or your face. There is no password, and the private key never leaves your device.',
    hardware: 'Your role requires a security key that cannot be copied and is attested by its manufacturer.',
    any: 'You can use a security key, or a passkey on this device or on your phone.',
    name: 'Name of the key',
    nameHint: 'Helps you tell your keys apart later, for example “blue key, office”.',
    register: 'Register',
    problem: 'Nothing was registered.',
    doneTitle: 'Registration complete',
    /** After the name of the key. */
    done: 'is registered. You can now sign in with it.',
    doneHardware: 'It is recognised as a key that cannot be copied.',
    another:
      'Register a second key on your account page soon. If you lose your only key, your identity has to be verified again.',
    code: 'code',
  },
  refusals: {
    credential_malformed: 'The response of your browser could not be read. Try again with a current browser.',
    challenge_unknown: 'This page has expired or has already been used. Try again.',
    answer_overtaken: 'You have confirmed something else with this key in the meantime. Try again.',
    challenge_mismatch: 'The response of the key does not match this request. Try again.',
    origin_wrong: 'The key was used on a different website. Check the address in your browser.',
    rp_id_wrong: 'The key responded for a different service. Check the address in your browser.',
    user_not_present: 'The key was not touched.',
    user_not_verified: 'The key did not verify your identity. Set up a PIN or a fingerprint on it first.',
    signature_wrong: 'The signature of the key is not valid. Try again, or use another key.',
    credential_unknown: 'This key is not registered here.',
    credential_registered: 'This key is already registered. Use another one.',
    credential_shared: 'This key is also registered to somebody else. Register another one.',
    counter_rolled_back:
      'This key may have been copied and can no longer be used. Contact your account administrators.',
    backup_flags_changed: 'The properties of this key have changed since it was registered. Use another one.',
    device_bound_required: 'Your role requires a key that cannot be copied to other devices. Use a security key.',
    attestation_required:
      'Your role requires a key attested by its manufacturer. This key did not provide an attestation.',
    attestation_untrusted: 'The manufacturer of this key is not trusted here.',
    authenticator_model_refused: 'Keys of this model are not accepted here.',
    authenticator_too_weak: 'This key is not strong enough for your role. Register one that cannot be copied.',
    authenticator_none: 'You have no key that is suitable for this.',
    authenticator_not_found: 'You have no such key.',
    authenticator_last: 'This is your last key. Register another one first.',
    authenticators_most: 'You have reached the maximum number of keys. Remove one first.',
    invitation_unknown:
      'This link is not valid: it has been used, has expired or has been replaced. Ask for a new one.',
    recovery_needed: 'You have had a key before. To register a new one, ask for a key recovery.',
    account_locked: 'This account is locked. Contact your firm’s account administrators.',
  },
  notices: {
    added: (name: string) =>
      `A security key or passkey was registered for your account: “${name}”. If this was not you, have your account locked immediately.`,
    removed: (name: string) =>
      `The security key or passkey “${name}” was removed from your account. If you do not know why, contact your account administrators.`,
    suspected: (name: string) =>
      `Your security key or passkey “${name}” may have been copied. It can no longer be used, and you have been signed out everywhere. Use another key and remove this one.`,
    locked: 'Your account has been locked. You cannot sign in until it is unlocked.',
    unlocked: 'Your account has been unlocked.',
    newDevice: (where: string) =>
      `New sign-in to your account: ${where}. If this was not you, have your account locked immediately.`,
    impossibleTravel: (where: string) =>
      `Your account was used from two places too far apart to travel between, the second time from ${where}. If this was not you, have your account locked immediately. If it was you, your account administrators can clear the warning.`,
  },
  signIn: {
    title: 'Sign in',
    titleAgain: 'Sign in again',
    confirm: 'Confirm',
    asks: 'asks you to sign in.',
    asksAbout: (count: number) =>
      count === 1
        ? 'asks you to confirm one instruction. Your confirmation applies to this instruction only.'
        : `asks you to confirm ${count} instructions. Your confirmation applies to these instructions only.`,
    boundTo: 'Your confirmation is bound to the digest of the instruction:',
    moreIsAsked: 'This action requires additional confirmation.',
    notSignedIn: 'Sign-in failed.',
    cancel: 'Cancel',
    goBack: 'Go back',
    impossible: 'Sign-in is not possible.',
    noMethod: 'No sign-in method is configured on this installation.',
    noneFits: 'None of the available sign-in methods meets the requirements of this application.',
    helpCode: 'If you ask for help, quote this code:',
    signedInAs: 'You are signed in as',
    somebodyElse: 'Sign in as somebody else',
    reasons: {
      step_up_very_large: 'Because of its size, this order must be confirmed with a hardware key.',
      step_up_risk: 'Unusual activity was detected on this account. Please confirm with your key.',
      acr_demanded: 'The application requires your confirmation for this request.',
    },
    problems: {
      credential_unknown:
        'This was not accepted. Use a security key or passkey that you have registered here, or contact your firm’s account administrators.',
      authenticator_too_weak: 'This sign-in is not strong enough. Use a key that cannot be copied.',
      challenge_unknown: 'This form has already been submitted. Please try again.',
      institution_not_issued: 'The LEI registration of your institution is not active.',
      sign_in_too_old: 'Your sign-in at your firm is too old for this. Sign in there again.',
      device_required: 'This requires a managed device of your firm, and none was recognised.',
      device_not_yours: 'This device is assigned to somebody else.',
      device_failing: 'This device does not comply with your firm’s policy. Have it repaired, or use another one.',
      device_stale: 'The last check of this device is too old. Have it checked.',
      device_unknown: 'This device is not known here.',
      device_proof_wrong: 'The identity of this device could not be verified.',
    },
  },
};
export type Texts = typeof en;
