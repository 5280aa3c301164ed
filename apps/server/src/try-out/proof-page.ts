import { type Html, html, inWords, page } from '@countersign/runtime';
import { house } from './example.ts';
import { tryOutPath } from './page.ts';
import type { Proof } from './proof.ts';
import type { Texts } from './texts/en.ts';

/** The path of the page with the evidence of an order. Its downloads are below it. */
export const proofPathOf = (transaction: string): string => `${tryOutPath}/proof/${transaction}`;

/** Links transactions of the example house. The page itself shows only those of the example's algorithm. */
export function evidenceOfExample(view: {
  readonly transaction: string;
  readonly initiatorInstitution: string;
}): string | undefined {
  return view.initiatorInstitution === house ? proofPathOf(view.transaction) : undefined;
}

/** The evidence of an order: its records, the verification result, and how to verify it without this server. */
export function proofPage(proof: Proof, evidencePath: string | undefined, texts: Texts, lang: string): Html {
  const { transaction, verdict, approved, timeline } = proof;
  const words = texts.proof;
  const path = proofPathOf(transaction);
  const file = `${transaction}.evidence.json`;
  return page({
    title: words.title,
    lang,
    banner: texts.banner,
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${words.title}</h1>
<p class="lead">${words.lead}</p>
<dl class="facts">
<div><dt>${words.transaction}</dt><dd><code>${transaction}</code></dd></div>
<div><dt>${words.verdict}</dt><dd>${words.verdicts[verdict]}</dd></div>
<div><dt>${words.approval}</dt><dd>${approved ? words.approved : html`${words.notApproved} <a href="/approve/${transaction}">${words.toApproval}</a>`}</dd></div>
</dl>
<h2>${words.verifyTitle}</h2>
<p>${words.verifyText}</p>
<ol>
<li><a href="${path}/bundle" download="${file}">${words.bundle}</a></li>
<li><a href="${path}/trust" download="trust.json">${words.trust}</a>. <span class="hint">${words.trustHint}</span></li>
${evidencePath !== undefined && html`<li><a href="${evidencePath}" target="_blank" rel="noopener">${words.page}</a></li>`}
</ol>
<p class="hint">${words.command}</p>
<pre><code lang="en">npx countersign evidence verify ${file} --trust trust.json</code></pre>
<h2>${words.recordsTitle}</h2>
<ol lang="en" class="choices">${timeline.map(
      ({ index, time, type, outcome, who, what }) =>
        html`<li><div class="entry"><span class="name"><bdi>${type ?? 'record'}</bdi>${outcome === 'deny' && ' (refused)'}</span> <span class="about">#${index}${time !== undefined && html` · ${inWords(time, 'en')}`} · <bdi>${who}</bdi> <bdi>${what}</bdi></span></div></li>`,
    )}</ol>
<p class="back"><a href="${tryOutPath}">← ${texts.title}</a></p>
</article>`,
  });
}
