import type { AskedStatement, Incident } from '@countersign/contracts';
import { ceremonyAttributes, ceremonyFields, type Html, html, page } from '@countersign/runtime';
import { fact, type TextContext } from './parts.ts';

export function reviewedPage({ texts: { done }, lang, banner }: TextContext, back: string): Html {
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

/** Confirmation of a review before it is signed. */
export function reviewPage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly incident: Incident;
    readonly verdict: 'justified' | 'not-justified';
    readonly note: string;
    readonly asked: AskedStatement;
    readonly csrf: Html;
    readonly path: string;
  },
): Html {
  const { one, verdicts, declare } = texts;
  const { incident, verdict, note, asked, csrf, path } = content;
  const hidden = (name: string, value: string) => html`<input type="hidden" name="${name}" value="${value}">`;
  return page({
    title: one.confirmReview,
    lang,
    banner,
    script: true,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${one.confirmReview}</h1>
<dl class="facts">
${fact(one.title(incident.reference), incident.reason)}
${fact(one.verdict, verdicts[verdict])}
${fact(one.note, note)}
</dl>
<form method="post" action="${path}"${ceremonyAttributes('get', asked.options)}>
${csrf}${hidden('handle', asked.handle)}${hidden('verdict', verdict)}${hidden('note', note)}
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="action" value="review">${one.signReview}</button> <button type="submit" name="action" value="change-review" formnovalidate>${declare.back}</button></div>
</form>
</section>`,
  });
}
