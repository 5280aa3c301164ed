import {
  authenticationErrors,
  type CertificateSignatureDependencies,
  hardwareAcr,
  identifySigner,
} from '@countersign/contracts';
import { type CodedError, defined, isCodedError, isRecent } from '@countersign/kernel';
import { html } from '@countersign/runtime';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import type { MethodRefusal, SignInMethod } from './method.ts';

/** Type of the statement that a card signs for a step-up. */
export const cardStatementType = 'countersign-step-up+x509';
const signatureField = 'signature';
/** Between the signature and its arrival. */
const longestWayMs = 600_000;

type RefusalCode = keyof typeof en.card.refusals;

/**
 * Step-up with a smart card: the person runs a command that signs the digests of the intents and the challenge of the page with
 * the card, and pastes the signature. Only for intents and for a person who is signed in, because such a signature could be
 * passed on by another page.
 */
export function cardMethod({
  origin,
  ...dependencies
}: CertificateSignatureDependencies & { readonly origin: string }): SignInMethod {
  const { clock, settings } = dependencies;
  const classes = [settings.acr, ...settings.partners.map(({ acr }) => acr)];

  return {
    name: 'card',
    acrs: [...new Set(classes)],
    bindsIntents: true,
    onlyForIntents: true,
    draw({ action, hidden, cancel, challenge, need, person, lang = 'en' }) {
      const { card: texts } = lang === 'de' ? de : en;
      const words = ['countersign', 'card', 'confirm', '--person', person ?? '', '--challenge', challenge];
      const digests = (need.intents ?? []).flatMap((intent) => ['--digest', intent]);
      return html`<form method="post" action="${action}">
${hidden}
<p>${texts.lead}</p>
<p><code>${[...words, ...digests, '--pkcs11', '...', '--pin', '...'].join(' ')}</code></p>
<label>${texts.signature} <textarea name="${signatureField}" rows="4" maxlength="12000" required spellcheck="false" autocomplete="off"></textarea></label>
<div class="actions"><button class="primary" name="action" value="sign-in">${texts.use}</button>${cancel}</div>
</form>`;
    },
    async attempt({ fields, challenge, need, person }) {
      const refuse = (code: RefusalCode): MethodRefusal => ({
        ...{ outcome: 'refused', code, detail: en.card.refusals[code] },
        ...defined({ person }),
      });
      try {
        const text = (fields.get(signatureField) ?? '').trim();
        const signer = await identifySigner(text, { type: cardStatementType, refuse: notSigned }, dependencies);
        const { challenge: signed, aud, iss, iat, intents } = signer.claims;
        const fits =
          person !== undefined &&
          signer.person.id === person &&
          iss === person &&
          aud === origin &&
          signed === challenge &&
          typeof iat === 'number' &&
          isRecent(iat * 1000, longestWayMs, clock.now()) &&
          Array.isArray(intents) &&
          intents.length === need.intents?.length &&
          need.intents.every((intent, index) => intents[index] === intent);
        if (!fits) return refuse('certificate_untrusted');
        return {
          ...{ outcome: 'identified', person, acr: signer.acr, boundToIntents: true },
          // RFC 8176.
          amr: signer.acr === hardwareAcr ? ['pop', 'hwk', 'sc'] : ['pop', 'swk'],
          certificate: signer.certificate.thumbprint,
        };
      } catch (error) {
        if (!isCodedError(error) || !isRefusal(error.code)) throw error;
        return refuse(error.code);
      }
    },
  };
}

function notSigned(_problem: string, detail: string): CodedError {
  return authenticationErrors.error('certificate_untrusted', detail);
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(en.card.refusals, code);
}
