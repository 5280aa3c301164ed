import { type Json, parseJson } from '@countersign/kernel';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type Html, html } from './html.ts';

/** Name of the hidden field with the authenticator's response, as JSON. */
export const credentialFieldName = 'credential';
const longestCredential = 12_288;

/**
 * Attributes of a form that asks an authenticator before it is sent; render and send its page with `script`. A button with
 * `formnovalidate` sends the form without it.
 *
 * @param options PublicKeyCredentialRequestOptionsJSON for `get`, PublicKeyCredentialCreationOptionsJSON for `create`
 * @example html`<form method="post" action="${action}"${ceremonyAttributes('get', options)}>`
 */
export function ceremonyAttributes(ceremony: 'get' | 'create', options: Json): Html {
  return html` data-webauthn="${ceremony}" data-options="${JSON.stringify(options)}"`;
}

/**
 * Attributes of a button with WebAuthn options of its own; the script sets the form's hidden field `handle` to this button's
 * handle.
 */
export function ceremonyButton({ handle, options }: { readonly handle: string; readonly options: Json }): Html {
  return html` data-handle="${handle}" data-options="${JSON.stringify(options)}"`;
}

/**
 * The content of such a form: the field for the response, the progress message, and instructions for browsers without scripts.
 */
export function ceremonyFields(lang = 'en'): Html {
  const { waiting, cancelled, failed, registered, unfit, place, unsupported, scriptNeeded } = (lang === 'de' ? de : en)
    .ceremony;
  return html`<input type="hidden" name="${credentialFieldName}" value="">
<p class="notice" role="status" aria-live="assertive" hidden data-ceremony-status data-waiting="${waiting}" data-cancelled="${cancelled}" data-failed="${failed}" data-registered="${registered}" data-unfit="${unfit}" data-place="${place}" data-unsupported="${unsupported}"></p>
<noscript><p class="notice warning">${scriptNeeded}</p></noscript>`;
}

/**
 * Reads the authenticator's response from the form fields, as JSON; the caller validates it. Undefined when it is absent, too
 * long or not JSON.
 */
export function credentialIn(fields: ReadonlyMap<string, string>): Json | undefined {
  const parsed = parseJson(fields.get(credentialFieldName) ?? '', { maxLength: longestCredential });
  return parsed.ok ? parsed.value : undefined;
}
