import { type Json, parseJson } from '@countersign/kernel';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type Html, html } from './html.ts';

/** The name of the hidden field in which the authenticator's answer comes, as JSON. */
export const credentialFieldName = 'credential';
const longestCredential = 12_288;

/**
 * Attributes of a form that asks an authenticator before it is sent; its page is drawn and sent with `script`. A button
 * of the form with `formnovalidate` sends it without.
 *
 * @param options PublicKeyCredentialRequestOptionsJSON for `get`, PublicKeyCredentialCreationOptionsJSON for `create`
 * @example html`<form method="post" action="${action}"${ceremonyAttributes('get', options)}>`
 */
export function ceremonyAttributes(ceremony: 'get' | 'create', options: Json): Html {
  return html` data-webauthn="${ceremony}" data-options="${JSON.stringify(options)}"`;
}

/**
 * Attributes of a button whose answer is signed with options of its own; the form then has a hidden field `handle`,
 * which is set to this button's.
 */
export function ceremonyButton({ handle, options }: { readonly handle: string; readonly options: Json }): Html {
  return html` data-handle="${handle}" data-options="${JSON.stringify(options)}"`;
}

/** What such a form holds: the field of the answer, the place where its progress is told, and what to do without a script. */
export function ceremonyFields(lang = 'en'): Html {
  const { waiting, cancelled, failed, registered, unfit, place, unsupported, scriptNeeded } = (lang === 'de' ? de : en)
    .ceremony;
  return html`<input type="hidden" name="${credentialFieldName}" value="">
<p class="notice" role="status" aria-live="assertive" hidden data-ceremony-status data-waiting="${waiting}" data-cancelled="${cancelled}" data-failed="${failed}" data-registered="${registered}" data-unfit="${unfit}" data-place="${place}" data-unsupported="${unsupported}"></p>
<noscript><p class="notice warning">${scriptNeeded}</p></noscript>`;
}

/**
 * The authenticator's answer in the fields that such a form sends, as JSON; who judges it says what is wrong with it.
 * Undefined where there is none, or what is there is too long or no JSON.
 */
export function credentialIn(fields: ReadonlyMap<string, string>): Json | undefined {
  const parsed = parseJson(fields.get(credentialFieldName) ?? '', { maxLength: longestCredential });
  return parsed.ok ? parsed.value : undefined;
}
