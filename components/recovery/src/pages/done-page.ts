import { type Html, html, page } from '@countersign/runtime';
import type { Drawn } from './drawn.ts';

/** What has come of it. @param back path of the list, where there is one for this person */
export function donePage(
  { texts, lang, banner }: Drawn,
  content: { readonly title: string; readonly lead: string; readonly back?: string },
): Html {
  const { title, lead, back } = content;
  return page({
    title,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${title}</h1>
<p class="lead">${lead}</p>
${back !== undefined && html`<p><a href="${back}">${texts.done.back}</a></p>`}
</section>`,
  });
}
