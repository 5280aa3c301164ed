import type { ApproverRole, AskedStatement } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import {
  ceremonyAttributes,
  ceremonyFields,
  csrfField,
  formFields,
  type Html,
  html,
  page,
  type RefusedForm,
} from '@countersign/runtime';
import type { BeforeApprover } from '../before-approver.ts';
import type { Changes } from '../changes.ts';
import type { ShownView } from '../shown.ts';
import { type Drawing, sentenceFor } from './drawing.ts';
import { changesPart, circumstancesPart, fact, linesPart, roleIn, warningsPart } from './intent-parts.ts';
import { faultNotice } from './problem-page.ts';

export interface AskedApproval {
  readonly role: ApproverRole;
  readonly asked: AskedStatement;
  readonly shown: string;
  readonly until: number;
}

export interface IntentContent {
  readonly view: ShownView;
  readonly changes: Changes;
  readonly csrf: string;
  readonly own?: BeforeApprover['own'];
  readonly declined?: BeforeApprover['declined'];
  readonly fault?: CodedError | undefined;
  /** Roles to choose from before signing. */
  readonly choice?: readonly ApproverRole[];
  readonly asked?: AskedApproval;
  readonly mayDecline: boolean;
  /** The refused decline form, shown again with its error. */
  readonly refused?: RefusedForm | undefined;
}

export function intentPage(content: IntentContent, drawing: Drawing): Html {
  const { view, changes, own, declined, fault, choice, asked, mayDecline } = content;
  const { lang, texts, path } = drawing;
  const action = `${path}/${view.transaction}`;
  return page({
    title: view.title,
    lang,
    script: asked !== undefined,
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title"><bdi lang="en">${view.title}</bdi></h1>
<p class="lead">${texts.intent.lead}</p>
${own !== undefined && ownPart(content, drawing)}
${declined !== undefined && own === undefined && declinedPart(declined, drawing)}
${fault !== undefined && own === undefined && faultNotice(fault, drawing)}
${changesPart(changes, drawing)}
${warningsPart(view, drawing)}
<h2>${texts.intent.what}</h2>
${linesPart(view, drawing)}
<h2>${texts.intent.who}</h2>
${circumstancesPart(view, drawing)}
${choice !== undefined && rolePart(choice, action, drawing)}
${asked !== undefined && signPart(asked, { action, csrf: content.csrf, button: texts.sign.approve }, drawing)}
${mayDecline && declinePart(action, content, drawing)}
<p><a href="${path}">${texts.done.back}</a></p>
</article>`,
  });
}

/** The signing form. @param form.items transactions of a batch in the order shown */
export function signPart(
  { asked, role, shown, until }: AskedApproval,
  form: { readonly action: string; readonly csrf: string; readonly button: string; readonly items?: string },
  drawing: Drawing,
): Html {
  const { lang, texts, moment } = drawing;
  const { sign } = texts;
  return html`<h2 id="sign">${sign.title}</h2>
<dl class="facts">
${fact(sign.asRole, html`${roleIn(role, drawing)}`)}
${fact(sign.counts, html`${moment(until)}`)}
</dl>
<form method="post" action="${form.action}" aria-labelledby="sign"${ceremonyAttributes('get', asked.options)}>
${csrfField(form.csrf)}
<input type="hidden" name="shown" value="${shown}">
<input type="hidden" name="role" value="${role}">
<input type="hidden" name="handle" value="${asked.handle}">
${form.items !== undefined && html`<input type="hidden" name="items" value="${form.items}">`}
<p class="hint">${sign.hint} ${sign.timeout}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="decision" value="approve">${form.button}</button></div>
</form>`;
}

export function rolePart(
  roles: readonly ApproverRole[],
  action: string,
  drawing: Drawing,
  items: readonly string[] = [],
): Html {
  const { sign } = drawing.texts;
  return html`<form method="get" action="${action}">
${items.map((item) => html`<input type="hidden" name="txn" value="${item}">`)}
<fieldset><legend>${sign.roleTitle}</legend>
<ul class="choices">${roles.map(
    (role) =>
      html`<li><label class="choice"><input type="radio" name="role" value="${role}" required><span class="name">${roleIn(role, drawing)}</span></label></li>`,
  )}</ul>
<p class="hint">${sign.roleHint}</p></fieldset>
<div class="actions"><button class="primary" type="submit">${sign.chooseRole}</button></div>
</form>`;
}

function ownPart({ own, view, csrf }: IntentContent, drawing: Drawing): Html | false {
  const { texts, moment, path } = drawing;
  const evidencePath = drawing.evidencePathOf?.(view);
  return (
    own !== undefined &&
    html`<div class="notice" role="status"><p><strong>${texts.done.approved}</strong></p>
<p>${texts.done.until} ${moment(own.expiresAt)}.</p>
${evidencePath !== undefined && html`<p><a href="${evidencePath}">${texts.done.evidence}</a></p>`}
<form method="post" action="${path}/${view.transaction}">
${csrfField(csrf)}
<p class="hint">${texts.done.withdrawHint}</p>
<div class="actions"><button class="refuse" type="submit" name="decision" value="withdraw">${texts.done.withdraw}</button></div>
</form></div>`
  );
}

function declinedPart({ reason, at }: NonNullable<IntentContent['declined']>, { texts, moment }: Drawing): Html {
  return html`<div class="notice" role="status"><p><strong>${texts.done.declined}</strong>, ${moment(at)}</p>
<p>${texts.done.because}: <q><bdi>${reason}</bdi></q></p>
<p>${texts.done.stillMay}</p></div>`;
}

function declinePart(action: string, { csrf, refused }: IntentContent, { lang, texts }: Drawing): Html {
  const { summary, reason, hint, button } = texts.decline;
  const detailOf = ({ code }: CodedError) => sentenceFor(texts.problems, code);
  const form = formFields(refused, { fields: ['reason'], lang, detailOf });
  return html`<details${refused !== undefined && html` open`}><summary>${summary}</summary>
<form method="post" action="${action}">
${csrfField(csrf)}
<label for="reason">${reason}</label>
<textarea id="reason" name="reason" rows="3" maxlength="500" required${form.attributes('reason', 'reason-hint')}>${form.value('reason')}</textarea>
${form.problem('reason')}
<p class="hint" id="reason-hint">${hint}</p>
<div class="actions"><button class="refuse" type="submit" name="decision" value="decline">${button}</button></div>
</form></details>`;
}
