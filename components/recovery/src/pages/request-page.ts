import { formFields, type Html, html, page, type RefusedForm } from '@countersign/runtime';
import type { TextContext } from './done-page.ts';

/** The public page, identical for everybody. @param path of this page */
export function requestPage({ texts, lang, banner }: TextContext, path: string, refused?: RefusedForm): Html {
  const form = formFields(refused, { fields: ['person'], lang });
  const { request } = texts;
  return page({
    title: request.title,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${request.title}</h1>
<p class="lead">${request.lead}</p>
${form.notice}
<form method="post" action="${path}">
<p><label for="person">${request.name}</label></p>
<p><input type="text" id="person" name="person" value="${form.value('person')}" required maxlength="128" autocomplete="off" autocapitalize="none" spellcheck="false"${form.attributes('person', 'person-hint')}></p>
${form.problem('person')}
<p class="hint" id="person-hint">${request.nameHint}</p>
<div class="actions"><button class="primary" type="submit">${request.send}</button></div>
</form>
<p class="hint">${request.safer}</p>
</section>`,
  });
}

export function requestedPage({ texts, lang, banner }: TextContext): Html {
  const { request } = texts;
  return page({
    title: request.sentTitle,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${request.sentTitle}</h1>
<p class="lead">${request.sentLead}</p>
<p>${request.sentNext}</p>
<p><a href="/">${request.toStart}</a></p>
</section>`,
  });
}
