import { type CodedError, errorVocabulary } from '@countersign/kernel';
import { type Html, html, page } from '@countersign/runtime';
import type { Changes } from '../changes.ts';
import { type Drawing, sentenceFor } from './drawing.ts';
import { changesPart } from './intent-parts.ts';

/** The reason why the person cannot act, shown on the page. */
export function faultNotice(fault: Pick<CodedError, 'code' | 'detail'>, drawing: Drawing): Html {
  return html`<div class="notice problem" role="alert"><p>${wordsFor(fault, drawing)} <span class="quiet">(<code>${fault.code}</code>)</span></p></div>`;
}

export function problemPage(
  fault: Pick<CodedError, 'code' | 'detail' | 'category'>,
  about: { readonly back: string; readonly changes?: Changes | undefined },
  drawing: Drawing,
): Html {
  const { lang, texts, path } = drawing;
  const { problem } = texts;
  const title =
    fault.code === 'approval_changed'
      ? problem.changed
      : fault.category === 'unavailable'
        ? problem.unavailable
        : problem.title;
  return page({
    title,
    lang,
    body: html`<section class="panel problem" aria-labelledby="title">
<h1 id="title">${title}</h1>
<p class="lead">${wordsFor(fault, drawing)}</p>
${about.changes !== undefined && changesPart(about.changes, drawing)}
<p class="code">${problem.code} <code>${fault.code}</code></p>
${about.back !== path && html`<p><a href="${about.back}">${problem.lookAgain}</a></p>`}
<p><a href="${path}">${texts.done.back}</a></p>
</section>`,
  });
}

function wordsFor({ code, detail }: Pick<CodedError, 'code' | 'detail'>, { texts }: Drawing): Html {
  const sentence = sentenceFor(texts.problems, code);
  return sentence === undefined ? html`<span lang="en">${detail}</span>` : html`${sentence}`;
}

export const approverPageErrors = errorVocabulary({
  approval_changed: 'conflict',
  sign_in_abandoned: 'forbidden',
  csrf_token_invalid: 'forbidden',
  decision_missing: 'invalid',
  batch_empty: 'invalid',
  batch_too_large: 'too-large',
  batch_role: 'forbidden',
});
