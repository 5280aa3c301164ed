import { selfServiceEn } from './self-service-en.ts';

/** What the pages of this room say. */
export const en = {
  selfService: selfServiceEn,
  webauthn: {
    lead: 'Use the security key or passkey that you have registered here.',
    stepUp: (person: string) => `Confirm with your security key or passkey that you are ${person}.`,
    use: 'Use security key or passkey',
    refused:
      'This was not accepted. Use a security key or passkey that you have registered here, or ask those who look after accounts in your firm.',
    tooWeak:
      'This security key or passkey is not strong enough for what you are about to do. Use one that cannot be copied and whose maker vouches for it.',
    used: 'This page had been used already. Try again.',
  },
  certificate: {
    lead: 'Put your smart card into the reader, or have the certificate of your firm ready. Your browser asks which one to use.',
    use: 'Use certificate or smart card',
    refusals: {
      certificate_missing:
        'Your browser showed no certificate. Put the card into its reader, close all windows of the browser if it does not ask, and try again.',
      certificate_untrusted:
        'This certificate is not from an authority that is trusted here for people. Choose another one.',
      certificate_expired:
        'This certificate, or the one that it rests on, is not valid now. Ask your firm for a new one.',
      certificate_usage: 'This certificate is not for signing in. Choose another one.',
      certificate_key_weak: 'The key of this certificate is too weak. Ask whoever issued it for a new one.',
      certificate_policy:
        'This certificate was not issued under the rules that are asked for here. Choose another one.',
      certificate_revoked: 'This certificate was revoked. Ask your firm for a new one.',
      certificate_status_unknown:
        'Whether this certificate still stands cannot be found out just now. Try again later, or sign in another way.',
      person_unknown:
        'Nobody is known here by this certificate. Choose another one, or ask those who look after accounts.',
    },
  },
  federated: {
    lead: 'Sign in at your own firm; it then tells us who you are.',
    use: (name: string) => `Sign in at ${name}`,
    refusals: {
      provider_unknown:
        'Signing in there is not possible at present. Sign in another way, or ask those who look after accounts.',
      provider_refused: 'You were not signed in there. Try again, or sign in another way.',
      provider_answer_refused:
        'What we were told about you is not accepted here. Ask those who look after accounts in your firm.',
      provider_unavailable: 'The place where you sign in does not answer. Try again later, or sign in another way.',
      person_unknown:
        'What we were told about you is not accepted here. Ask those who look after accounts in your firm.',
    },
  },
  enrolment: {
    title: 'Register a security key or passkey',
    lead: 'You were invited to register here. From then on you sign in with what you register.',
    person: 'You are',
    firm: 'Firm',
    until: 'This link works once, until',
    notYou: 'If this is not you, close this page and tell who sent you the link.',
    how: 'Your browser asks for your key, and for its PIN or your fingerprint or face. No password is involved, and what you register never leaves your key.',
    hardware: 'Your role asks for a security key that cannot be copied and whose maker vouches for it.',
    any: 'A security key, or the passkey of this device or of your telephone, will do.',
    name: 'Name of the key',
    nameHint: 'So that you can tell your keys apart later, for example “blue key, office”.',
    register: 'Register',
    problem: 'Nothing was registered.',
    doneTitle: 'Registered',
    /** After the name of the key. */
    done: 'is registered. From now on you sign in with it.',
    doneHardware: 'It counts as a key that cannot be copied.',
    another:
      'Register a second key soon, on your own page: with one alone, losing it means having your identity proved again.',
    code: 'code',
  },
  refusals: {
    credential_malformed: 'What your browser sent cannot be read. Try again in a current browser.',
    challenge_unknown: 'This page had been used already, or stood open too long. Try again.',
    answer_overtaken: 'You confirmed something else with this key in between. Try again.',
    challenge_mismatch: 'The key answered something else than what was asked. Try again.',
    origin_wrong: 'The key was used at another address than this one. Check the address in your browser.',
    rp_id_wrong: 'The key answered for another service than this one. Check the address in your browser.',
    user_not_present: 'The key was not touched.',
    user_not_verified: 'The key did not ask who you are. Set up a PIN or a fingerprint on it first.',
    signature_wrong: 'What the key signed does not hold. Try again, or use another key.',
    credential_unknown: 'This key is not registered here.',
    credential_registered: 'This key is registered already. Use another one.',
    credential_shared: 'This key belongs to somebody else too. Register another one.',
    counter_rolled_back:
      'There may be a copy of this key. It does not count any more; ask those who look after accounts.',
    backup_flags_changed: 'This key is not what it was when it was registered. Use another one.',
    device_bound_required: 'Your role asks for a key that cannot be copied to other devices. Use a security key.',
    attestation_required: 'Your role asks for a key whose maker vouches for it, and this one did not say who made it.',
    attestation_untrusted: 'The maker of this key is not one that is trusted here.',
    authenticator_model_refused: 'Keys of this model are not accepted here.',
    authenticator_too_weak: 'This key is not strong enough for your role. Register one that cannot be copied.',
    authenticator_none: 'You have no key that would do for this.',
    authenticator_not_found: 'You have no such key.',
    authenticator_last: 'This is your last key. Register another one first.',
    authenticators_most: 'You have as many keys as are allowed. Remove one first.',
    invitation_unknown: 'This link is not known: it was used, it is too old, or it was replaced. Ask for a new one.',
    recovery_needed: 'You had a key before. To register a new one, ask for a recovery.',
    account_locked: 'This account is locked. Ask those who look after accounts in your firm.',
  },
  notices: {
    added: (name: string) =>
      `A security key or passkey was registered for your account: “${name}”. If it was not you, have your account locked at once.`,
    removed: (name: string) =>
      `The security key or passkey “${name}” was removed from your account. If you do not know why, ask those who look after accounts.`,
    suspected: (name: string) =>
      `There may be a copy of your security key or passkey “${name}”. It does not count any more, and you were signed out everywhere. Use another key, and remove this one.`,
    locked: 'Your account was locked. You cannot sign in until it is unlocked.',
    unlocked: 'Your account was unlocked.',
    newDevice: (where: string) =>
      `Somebody signed in to your account in a way that was not seen before: ${where}. If it was not you, have your account locked at once.`,
    impossibleTravel: (where: string) =>
      `Your account was used from two places too far apart to travel between, the second time from ${where}. If that was not you, have your account locked at once; those who look after accounts can clear it if it was.`,
  },
  signIn: {
    title: 'Sign in',
    titleAgain: 'Sign in again',
    confirm: 'Confirm',
    asks: 'asks you to show who you are.',
    asksAbout: (count: number) =>
      count === 1
        ? 'asks you to confirm one instruction. What you do here counts for this instruction alone.'
        : `asks you to confirm ${count} instructions. What you do here counts for these alone.`,
    boundTo: 'It is bound to the digest that you are shown wherever the instruction is:',
    moreIsAsked: 'More is asked of you here than when you signed in.',
    notSignedIn: 'You are not signed in.',
    cancel: 'Cancel',
    goBack: 'Go back',
    impossible: 'Signing in is not possible.',
    noMethod: 'No sign-in method is configured on this installation, so nobody can be let in.',
    noneFits: 'None of the sign-in methods of this installation is of the kind this application asks for.',
    helpCode: 'If you ask for help, say this code:',
    signedInAs: 'You are signed in here as',
    somebodyElse: 'Sign in as somebody else',
    reasons: {
      step_up_very_large: 'The order is so large that it has to be confirmed with a key in hardware.',
      step_up_risk: 'Something is unusual about this account, so you are asked to confirm with your key.',
      acr_demanded: 'The application has to be sure that it is you who wants this, now.',
    },
    problems: {
      credential_unknown:
        'This was not accepted. Use a security key or passkey that you have registered here, or ask those who look after accounts in your firm.',
      authenticator_too_weak: 'What you used is not strong enough for this. Use a key that cannot be copied.',
      challenge_unknown: 'This form was sent before. Please try again from here.',
      institution_not_issued: 'The registration (LEI) of the institution is not in good standing.',
      sign_in_too_old: 'You signed in there too long ago for this. Sign in there once more.',
      device_required: 'This asks for a managed device of your firm, and none showed itself.',
      device_not_yours: 'This device belongs to somebody else.',
      device_failing: 'This device does not meet the rules of your firm. Have it mended, or use another.',
      device_stale: 'Nobody has looked at this device for too long. Let it be checked.',
      device_unknown: 'This device is not known here.',
      device_proof_wrong: 'This device could not show that it is the one it says.',
    },
  },
};
export type Texts = typeof en;
