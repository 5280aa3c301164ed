import { hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import { ceremonyAttributes, ceremonyFields, credentialFieldName, html } from '@countersign/runtime';
import { isRefusal } from '../authenticators/assertions.ts';
import type { RunningAuthenticators } from '../authenticators/authenticators.ts';
import { amrOf } from '../authenticators/rules.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import type { MethodRefusal, SignInMethod } from './method.ts';

/** One answer for every refusal; only the log has the reason. */
const nobody: MethodRefusal = { outcome: 'refused', code: 'credential_unknown', detail: en.webauthn.refused };

/** Without a signed-in person no credential is named, so the page discloses nobody's account. */
export function webAuthnMethod(
  authenticators: Pick<RunningAuthenticators, 'signInOptions' | 'acceptSignIn' | 'refuseReplayed'>,
): SignInMethod {
  return {
    name: 'webauthn',
    acrs: [hardwareAcr, phishingResistantAcr],
    script: true,
    bindsIntents: true,
    nobody,
    async draw({ action, hidden, cancel, challenge, person, lang = 'en' }) {
      const { webauthn } = lang === 'de' ? de : en;
      const options = await authenticators.signInOptions(challenge, person);
      return html`<form method="post" action="${action}"${ceremonyAttributes('get', options)}>
${hidden}
<p>${person === undefined ? webauthn.lead : webauthn.stepUp(person)}</p>
${ceremonyFields(lang)}
<div class="actions">
<button class="primary" name="action" value="sign-in">${webauthn.use}</button>
${cancel}
</div>
</form>`;
    },
    async attempt({ fields, challenge, shownAt, need, person, address }) {
      try {
        const { authenticator, acr } = await authenticators.acceptSignIn({
          ...{ credential: fields.get(credentialFieldName), challenge, askedAt: shownAt },
          ...{ person, acrValues: need.acrValues, address },
        });
        return {
          ...{ outcome: 'identified', person: authenticator.person, acr, authenticator: authenticator.id },
          amr: amrOf({ acr, backupEligible: authenticator.backupEligible }),
          // The challenge covers the intents.
          boundToIntents: need.intents !== undefined,
        };
      } catch (error) {
        if (!isRefusal(error)) throw error;
        // The key was verified, so its owner may know the reason.
        if (error.code === 'authenticator_too_weak')
          return { outcome: 'refused', code: 'authenticator_too_weak', detail: en.webauthn.tooWeak };
        return nobody;
      }
    },
    replayed: ({ fields, address }) =>
      authenticators.refuseReplayed({ credential: fields.get(credentialFieldName), address }),
  };
}
