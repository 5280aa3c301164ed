import type { AskedStatement, Recovery } from '@countersign/contracts';
import {
  ceremonyAttributes,
  ceremonyFields,
  formFields,
  type Html,
  html,
  inWords,
  page,
  type RefusedForm,
} from '@countersign/runtime';
import { recoveryPath, type TextContext } from './done-page.ts';

/** The page on which an approver reviews and signs a recovery. */
export function approvePage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly recovery: Recovery;
    readonly asked: AskedStatement;
    readonly csrf: Html;
    readonly path: string;
    readonly refused?: RefusedForm | undefined;
  },
): Html {
  const { one } = texts;
  const { recovery, asked, csrf, path, refused } = content;
  const form = formFields(refused, { fields: ['reason'], lang });
  const fact = (label: string, value: Html | string) => html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
  return page({
    title: one.title(recovery.person),
    lang,
    banner,
    script: true,
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${one.title(recovery.person)}</h1>
<p class="lead">${one.lead}</p>
<div class="notice warning" role="note"><p>${one.warning}</p></div>
<dl class="facts">
${fact(one.person, recovery.person)}
${fact(one.reason, recovery.reason)}
${fact(one.evidence, html`${recovery.evidence.map((each, index) => html`${index > 0 && html`<br>`}${each}`)}`)}
${fact(one.openedBy, recovery.openedBy)}
${fact(one.openedAt, inWords(recovery.openedAt, lang))}
${fact(one.before, inWords(recovery.expiresAt, lang))}
${fact(one.approved, recovery.approvals.length === 0 ? one.nobody : recovery.approvals.map((each) => one.functionOf(each.function, each.by)).join(', '))}
${fact(one.missing, recovery.missing.join(', '))}
<div><dt>${one.digest}</dt><dd><code title="${recovery.digest}">${recovery.digest.slice(0, 12)}</code></dd></div>
</dl>
<section aria-labelledby="approve"><h2 id="approve">${one.approveTitle}</h2>
<form method="post" action="${path}"${ceremonyAttributes('get', asked.options)}>
${csrf}<input type="hidden" name="handle" value="${asked.handle}">
<p class="hint">${one.approveHint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="action" value="approve">${one.approve}</button></div>
</form></section>
<section aria-labelledby="refuse"><h2 id="refuse">${one.refuseTitle}</h2>
${form.notice}
<form method="post" action="${path}">
${csrf}
<p><label for="reason">${one.refuseReason}</label></p>
<p><input type="text" id="reason" name="reason" value="${form.value('reason')}" required maxlength="400" autocomplete="off"${form.attributes('reason')}></p>
${form.problem('reason')}
<div class="actions"><button class="refuse" type="submit" name="action" value="refuse">${one.refuse}</button></div>
</form></section>
<p><a href="${recoveryPath}">${texts.done.back}</a></p>
</article>`,
  });
}
