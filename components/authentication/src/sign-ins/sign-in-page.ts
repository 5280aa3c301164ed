import { type DirectorySnapshot, deviceFieldName, type PrincipalId } from '@countersign/contracts';
import { csrfField, type Html, html, page, problemNotice } from '@countersign/runtime';
import type { MethodPage, SignInMethod } from '../methods/method.ts';
import type { Texts } from '../texts/en.ts';
import type { OpenSignIn } from './sign-ins.ts';

export interface SignInPage {
  readonly open: OpenSignIn;
  /** The path of this page. */
  readonly action: string;
  readonly methods: readonly SignInMethod[];
  /** Those that can serve what is asked for. */
  readonly usable: readonly SignInMethod[];
  /** With the classes that will do. */
  readonly need: MethodPage['need'];
  /** The person whose key is requested; any person when left out. */
  readonly person: PrincipalId | undefined;
  /** Who is signed in in this browser. */
  readonly signedIn: PrincipalId | undefined;
  readonly directory: DirectorySnapshot;
  readonly query: ReadonlyMap<string, string>;
  /** What was wrong with the attempt before. */
  readonly problem?: { readonly code: string; readonly detail: string } | undefined;
  /** The script and challenge by which the browser identifies its device. */
  readonly device: { readonly script: string; readonly challenge: string } | undefined;
  readonly banner: string | undefined;
  readonly texts: Texts;
  readonly lang: string;
}

/** In the address and in the forms of the page: not the person who is signed in here, but another. */
export const withoutHeldConnection = 'other';

/** The sign-in page. */
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
${need.reason !== undefined && html`<p class="notice">${reasonIn(texts, need.reason)} <span class="quiet">(${need.reason})</span></p>`}
${problem && problemNotice(texts.notSignedIn, wordsFor(problem, content), problem.code)}
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

/** On a shared desk the next person must not be asked for the key of the one before. */
function someoneElse({ signedIn, person, action, texts: { signIn } }: SignInPage): Html | undefined {
  if (signedIn === undefined || person === undefined) return undefined;
  return html`<p class="quiet">${signIn.signedInAs} <bdi>${person}</bdi>. <a href="${action}?${withoutHeldConnection}=1">${signIn.somebodyElse}</a></p>`;
}

/** Words in the reader's language where the code has some; the method's own otherwise. */
function wordsFor({ code, detail }: { readonly code: string; readonly detail: string }, { texts }: SignInPage): string {
  const known: Readonly<Record<string, string>> = texts.signIn.problems;
  return (Object.hasOwn(known, code) ? known[code] : undefined) ?? detail;
}

function reasonIn({ reasons, moreIsAsked }: Texts['signIn'], reason: string): string {
  const known: Readonly<Record<string, string>> = reasons;
  return (Object.hasOwn(known, reason) ? known[reason] : undefined) ?? moreIsAsked;
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
