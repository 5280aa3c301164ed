import { logKeyOf, trustedLogKeyOf } from '../log-key.ts';
import { type Check, finding, notChecked } from './check.ts';

/** A bundle with its own key proves only that one party made it, so a missing trusted key is reported. */
export const logKeyIsTrusted: Check = {
  id: 'log-key',
  title: 'The log key is the one the reader trusts',
  run(evidence) {
    const { bundle } = evidence;
    const trusted = trustedLogKeyOf(evidence);
    if (logKeyOf(evidence) === undefined) {
      const whose = trusted === undefined ? 'in the bundle' : 'given by the reader';
      return {
        ok: false,
        findings: [
          finding('log_key_mismatch', `The log key ${whose} cannot be used: it is not a C2SP Ed25519 verifier key.`),
        ],
      };
    }
    if (trusted === undefined)
      return notChecked(
        `No log key was given, so the bundle's own is used: ${bundle.log.verifierKey}. Compare it with one from another source.`,
        'log_key_unanchored',
      );
    if (trusted !== bundle.log.verifierKey)
      return {
        ok: false,
        findings: [
          { code: 'log_key_mismatch', detail: 'The bundle names another log key than the one the reader trusts.' },
        ],
      };
    return {
      ok: true,
      checked: true,
      detail: `The bundle names the log key the reader trusts: ${bundle.log.verifierKey}.`,
    };
  },
};
