import type { AskedStatement, Recovery } from '@countersign/contracts';
import { ceremonyAttributes, ceremonyFields, type Html, html, inWords, page } from '@countersign/runtime';
import type { TextContext } from './done-page.ts';

/** The page on which the person cancels their recovery with a key that still works. */
export function cancelPage(
  { texts, lang, banner }: TextContext,
  content: { readonly recovery: Recovery; readonly asked: AskedStatement; readonly csrf: Html; readonly path: string },
): Html {
  const { cancel } = texts;
  const { recovery, asked, csrf, path } = content;
  return page({
    title: cancel.title,
    lang,
    banner,
    script: true,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${cancel.title}</h1>
<p class="lead">${cancel.lead}</p>
<dl class="facts"><div><dt>${cancel.since}</dt><dd>${inWords(recovery.openedAt, lang)}</dd></div></dl>
<form method="post" action="${path}"${ceremonyAttributes('get', asked.options)}>
${csrf}<input type="hidden" name="handle" value="${asked.handle}">
<p class="hint">${cancel.hint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="action" value="cancel">${cancel.cancel}</button> <a class="button" href="/me">${cancel.keep}</a></div>
</form>
</section>`,
  });
}
