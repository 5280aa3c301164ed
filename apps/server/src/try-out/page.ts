import { type Html, html, page } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export const tryOutPath = '/try';

/** The steps of the try-out in order. Each step is a button, because a GET request must not change anything. */
export function tryOutPage(texts: Texts, lang: string): Html {
  return page({
    title: texts.title,
    lang,
    banner: texts.banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${texts.title}</h1>
<p class="lead">${texts.lead}</p>
<p class="notice warning">${texts.notReal}</p>
<h2>${texts.keyTitle}</h2>
<p>${texts.keyText}</p>
<form method="post" action="${tryOutPath}/key" target="_blank">
<p class="hint" id="key-hint">${texts.keyAfter}</p>
<div class="actions"><button class="primary" aria-describedby="key-hint">${texts.key}</button></div>
</form>
<h2>${texts.orderTitle}</h2>
<p>${texts.orderText}</p>
<form method="post" action="${tryOutPath}/order">
<div class="actions"><button class="primary">${texts.order}</button></div>
</form>
<h2>${texts.proofTitle}</h2>
<p>${texts.proofText}</p>
</section>`,
  });
}
