import { type DirectorySnapshot, deviceFieldName, type PrincipalId } from '@countersign/contracts';
import { csrfField, type Html, html, page, problemNotice } from '@countersign/runtime';
import type { MethodPage, SignInMethod } from '../methods/method.ts';
import { textFor } from '../page-parts.ts';
import type { Texts } from '../texts/en.ts';
import type { OpenSignIn } from './sign-ins.ts';

export interface SignInPage {
  readonly open: OpenSignIn;
  readonly action: string;
  readonly methods: readonly SignInMethod[];
  readonly usable: readonly SignInMethod[];
  readonly need: MethodPage['need'];
  /** Undefined for any person. */
  readonly person: PrincipalId | undefined;
  readonly signedIn: PrincipalId | undefined;
  readonly directory: DirectorySnapshot;
  readonly query: ReadonlyMap<string, string>;
  readonly problem?: { readonly code: string; readonly detail: string } | undefined;
  /** For identifying the device. */
  readonly device: { readonly script: string; readonly challenge: string } | undefined;
  readonly banner: string | undefined;
  readonly texts: Texts;
  readonly lang: string;
}

/** Query parameter and form field: sign in as another person. */
export const withoutHeldConnection = 'other';

export async function signInPage(content: SignInPage): Promise<Html> {
  const { open, usable, problem, device, banner, lang } = content;
  const texts = content.texts.signIn;
  const { clientName, need } = open.signIn;
  const parts = await Promise.all(usable.map((method) => method.draw(partOf(method, content))));
  return page({
    title: problem === undefined ? texts.title : texts.titleAgain,
    banner,
    lang,
    script: usable.some(({ script }) => script === true),
    ...(device === undefined ? {} : { scripts: [device.script] }),
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${need.intents === undefined ? texts.title : texts.confirm}</h1>
<p class="lead"><strong><bdi>${clientName}</bdi></strong> ${need.intents === undefined ? texts.asks : texts.asksAbout(need.intents.length)}</p>
${need.intents !== undefined && html`<p>${texts.boundTo} ${need.intents.map((intent) => html`<code>${intent}</code> `)}</p>`}
${need.reason !== undefined && html`<p class="notice">${textFor(texts.reasons, need.reason) ?? texts.moreIsAsked} <span class="quiet">(${need.reason})</span></p>`}
${problem && problemNotice(texts.notSignedIn, textFor(texts.problems, problem.code) ?? problem.detail, problem.code)}
${parts}
${usable.length === 0 && nothingUsable(content)}
${someoneElse(content)}
</section>`,
  });
}

function partOf(method: SignInMethod, content: SignInPage): MethodPage {
  const { open, action, query, directory, person, need, device, lang, texts } = content;
  const hidden = html`${csrfField(open.csrfToken)}<input type="hidden" name="method" value="${method.name}">${
    query.has(withoutHeldConnection) && html`<input type="hidden" name="${withoutHeldConnection}" value="1">`
  }${
    device !== undefined &&
    html`<input type="hidden" name="${deviceFieldName}" value="" data-device-challenge="${device.challenge}">`
  }`;
  const cancel = html`<button name="action" value="cancel" formnovalidate>${texts.signIn.cancel}</button>`;
  return { action, hidden, cancel, query, directory, need, challenge: open.challenge, person, lang };
}

/** For shared desks. */
function someoneElse({ signedIn, person, action, texts: { signIn } }: SignInPage): Html | undefined {
  if (signedIn === undefined || person === undefined) return undefined;
  return html`<p class="quiet">${signIn.signedInAs} <bdi>${person}</bdi>. <a href="${action}?${withoutHeldConnection}=1">${signIn.somebodyElse}</a></p>`;
}

function nothingUsable({ open, action, methods, texts: { signIn } }: SignInPage): Html {
  return html`<div class="notice problem" role="alert"><p><strong>${signIn.impossible}</strong> ${
    methods.length === 0 ? signIn.noMethod : signIn.noneFits
  }</p>
<p class="quiet">${signIn.helpCode} <code>method_not_available</code></p></div>
<form method="post" action="${action}">
${csrfField(open.csrfToken)}
<div class="actions"><button name="action" value="cancel">${signIn.goBack}</button></div>
</form>`;
}
