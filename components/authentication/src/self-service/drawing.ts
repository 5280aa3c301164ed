import type { AskedStatement } from '@countersign/contracts';
import { ceremonyAttributes, ceremonyFields, type Html, html, page, problemNotice } from '@countersign/runtime';
import { accountPath, refusalText, type TextContext } from '../page-parts.ts';

export const keysPath = `${accountPath}/keys`;
export const sessionsPath = `${accountPath}/sessions`;
export const otherSessionsPath = `${sessionsPath}/others`;
export const devicesPath = `${accountPath}/devices`;
export const mandatesPath = `${accountPath}/mandates`;
export const grantsPath = `${accountPath}/permissions`;
export const activityPath = `${accountPath}/activity`;

/** A section of the account with a link back. */
export function sectionPage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly title: string;
    readonly lead?: string;
    readonly body: Html;
    readonly script?: boolean;
    /** Default the account. */
    readonly back?: { readonly path: string; readonly title: string };
    readonly problem?: string | undefined;
    readonly done?: string | undefined;
  },
): Html {
  const { selfService } = texts;
  const { title, lead, body, script = false, problem, done } = content;
  const back = content.back ?? { path: accountPath, title: selfService.back };
  return page({
    ...{ title, lang, banner, script },
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${title}</h1>
${lead !== undefined && html`<p class="lead">${lead}</p>`}
${done !== undefined && html`<div class="notice" role="status"><p>${done}</p></div>`}
${problem !== undefined && problemNotice(selfService.problem, refusalText(texts, problem), problem)}
${body}
<p class="quiet back"><a href="${back.path}">← ${back.title}</a></p>
</section>`,
  });
}

export function rows(
  items: readonly { readonly name: Html | string; readonly about: Html | string; readonly path?: string }[],
): Html {
  return html`<ul class="choices">${items.map(
    ({ name, about, path }) =>
      html`<li>${
        path === undefined
          ? html`<div class="entry"><span class="name">${name}</span> <span class="about">${about}</span></div>`
          : html`<a class="choice" href="${path}"><span><span class="name">${name}</span> <span class="about">${about}</span></span></a>`
      }</li>`,
  )}</ul>`;
}

export function facts(items: readonly (readonly [label: string, value: string | Html | undefined])[]): Html {
  return html`<dl class="facts">${items.map(
    ([label, value]) => value !== undefined && html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`,
  )}</dl>`;
}

/** A form for a signed change, on the page at `path`. */
export interface SignedForm {
  readonly path: string;
  readonly csrf: Html;
  readonly asked: AskedStatement | undefined;
  readonly problem?: string | undefined;
}

/** Without a usable key it explains why. */
export function signedForm(
  { texts, lang }: TextContext,
  content: Omit<SignedForm, 'problem'> & {
    readonly action: string;
    readonly confirms: string;
    readonly button: string;
    readonly style?: 'primary' | 'refuse';
    readonly fields?: Html;
  },
): Html {
  const { selfService } = texts;
  const { path, csrf, asked, action, confirms, button, style = 'primary', fields } = content;
  if (asked === undefined) return html`<p class="notice warning">${selfService.noKey}</p>`;
  return html`<form method="post" action="${path}"${ceremonyAttributes('get', asked.options)}>
${csrf}<input type="hidden" name="handle" value="${asked.handle}"><input type="hidden" name="action" value="${action}">${fields}
<p><strong>${confirms}</strong></p>
<p class="hint">${selfService.signHint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="${style}">${button}</button></div>
</form>`;
}
