import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';

export function hiddenField(page: string, name: string): string | undefined {
  return new RegExp(`<input type="hidden" name="${name}" value="([^"]*)">`).exec(page)?.[1];
}

/** The ceremony options in a page, or in one form of it, as its script reads them; undefined if there are none. */
export function optionsIn(page: string): unknown {
  const written = /data-options="([^"]*)"/.exec(page)?.[1];
  return written === undefined ? undefined : JSON.parse(unescaped(written));
}

/** The hidden fields of the form with this button, and a key's response to its WebAuthn options, if it has any. */
export function filledForm(
  page: string,
  action: string,
  key?: Pick<SoftwareAuthenticator, 'get'>,
): Record<string, string> {
  const form = page.split('<form').find((each) => each.includes(`name="action" value="${action}"`));
  if (form === undefined) throw new Error(`the page has no form to ${action}`);
  const fields: Record<string, string> = { action };
  for (const [, name = '', value = ''] of form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g))
    fields[name] = unescaped(value);
  const options = optionsIn(form);
  if (options !== undefined && key !== undefined) fields['credential'] = JSON.stringify(key.get(options));
  return fields;
}

/** Reverses the escaping of a page's text. */
export function unescaped(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
