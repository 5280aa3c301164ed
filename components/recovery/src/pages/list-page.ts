import type { Recovery } from '@countersign/contracts';
import { type Html, html, inWords, page } from '@countersign/runtime';
import type { TextContext } from './done-page.ts';

/** The recoveries awaiting the approval of the signed-in person. @param path of this page */
export function listPage(
  { texts, lang, banner }: TextContext,
  content: { readonly person: string; readonly waiting: readonly Recovery[]; readonly path: string },
): Html {
  const { list } = texts;
  const { person, waiting, path } = content;
  return page({
    title: list.title,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${list.title}</h1>
<p class="lead">${list.lead} <strong><bdi>${person}</bdi></strong>.</p>
${
  waiting.length === 0
    ? html`<p>${list.none}</p>`
    : html`<table><thead><tr><th scope="col">${list.who}</th><th scope="col">${list.opened}</th><th scope="col">${list.before}</th></tr></thead>
<tbody>${waiting.map(
        (each) => html`<tr>
<td><a href="${path}/${each.id}"><bdi>${each.person}</bdi></a></td>
<td>${inWords(each.openedAt, lang)}</td>
<td>${inWords(each.expiresAt, lang)}</td>
</tr>`,
      )}</tbody></table>`
}
</section>`,
  });
}
