import type { AskedStatement, Declaration } from '@countersign/contracts';
import { ceremonyAttributes, ceremonyFields, type Html, html, page } from '@countersign/runtime';
import { fact, type TextContext } from './parts.ts';

/** Confirmation of a declaration before it is signed; the form resends exactly the signed values. */
export function declarePage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly declaration: Declaration;
    readonly asked: AskedStatement;
    readonly csrf: Html;
    readonly path: string;
  },
): Html {
  const { declare, one } = texts;
  const { declaration, asked, csrf, path } = content;
  const hidden = (name: string, value: string) => html`<input type="hidden" name="${name}" value="${value}">`;
  return page({
    title: declare.confirmTitle,
    lang,
    banner,
    script: true,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${declare.confirmTitle}</h1>
<div class="notice warning" role="note"><p>${declare.confirmLead}</p></div>
<dl class="facts">
${fact(one.reason, declaration.reason)}
${fact(declare.reference, declaration.reference)}
${fact(one.resource, declaration.resource)}
${fact(one.scopes, declaration.scopes.join(', '))}
${fact(one.jkt, declaration.jkt)}
</dl>
<form method="post" action="${path}"${ceremonyAttributes('get', asked.options)}>
${csrf}${hidden('handle', asked.handle)}${hidden('reason', declaration.reason)}${hidden('reference', declaration.reference)}${hidden('resource', declaration.resource)}${hidden('jkt', declaration.jkt)}${declaration.scopes.map((scope) => hidden(`scope-${scope}`, 'yes'))}
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="action" value="declare">${declare.sign}</button> <button type="submit" name="action" value="change" formnovalidate>${declare.back}</button></div>
</form>
</section>`,
  });
}
