import { type Html, html, page } from '@countersign/runtime';
import type { Drawn } from './drawn.ts';

export function reviewedPage({ texts: { done }, lang, banner }: Drawn, back: string): Html {
  return page({
    title: done.reviewedTitle,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${done.reviewedTitle}</h1>
<p class="lead">${done.reviewedLead}</p>
<p><a href="${back}">${done.back}</a></p>
</section>`,
  });
}
