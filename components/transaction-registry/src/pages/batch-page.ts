import type { ApproverRole } from '@countersign/contracts';
import type { CodedError, Digest } from '@countersign/kernel';
import { type Html, html, page } from '@countersign/runtime';
import type { Changes } from '../changes.ts';
import type { ShownView } from '../shown.ts';
import { batchAddress, type Drawing, shortDigest } from './drawing.ts';
import { type AskedApproval, rolePart, signPart } from './intent-page.ts';
import { changesPart, circumstancesPart, fact, linesPart, warningsPart } from './intent-parts.ts';
import { faultNotice } from './problem-page.ts';

export interface BatchContent {
  readonly items: readonly {
    readonly view: ShownView;
    readonly changes: Changes;
    readonly fault?: CodedError | undefined;
  }[];
  readonly root: Digest;
  readonly csrf: string;
  /** Why the batch cannot be signed although each transaction could be. */
  readonly fault?: CodedError | undefined;
  readonly choice?: readonly ApproverRole[];
  readonly asked?: AskedApproval;
}

export function batchPage(content: BatchContent, drawing: Drawing): Html {
  const { items, root, csrf, fault, choice, asked } = content;
  const { lang, texts, path } = drawing;
  const { batch } = texts;
  const ids = items.map(({ view }) => view.transaction);
  const action = `${path}/batch`;
  const title = batch.title(items.length);
  const fit = items.filter((item) => item.fault === undefined).map(({ view }) => view.transaction);
  return page({
    title,
    lang,
    script: asked !== undefined,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${title}</h1>
<p class="lead">${batch.lead}</p>
${fault !== undefined && faultNotice(fault, drawing)}
${
  fit.length < items.length &&
  html`<div class="notice problem"><p><strong>${batch.unfit}</strong></p>
<ul>${items.map((item) => item.fault !== undefined && html`<li><a href="#${item.view.transaction}"><bdi lang="en">${item.view.title}</bdi></a></li>`)}</ul>
${fit.length > 0 && html`<p><a href="${batchAddress(path, fit)}">${batch.leaveOut}</a></p>`}</div>`
}
</section>
${items.map(
  (item, index) => html`<article class="panel" aria-labelledby="${item.view.transaction}">
<p class="quiet">${batch.item(index + 1, items.length)}</p>
<h2 id="${item.view.transaction}"><bdi lang="en">${item.view.title}</bdi></h2>
${item.fault !== undefined && faultNotice(item.fault, drawing)}
${changesPart(item.changes, drawing)}
${warningsPart(item.view, drawing)}
${linesPart(item.view, drawing)}
<h3>${texts.intent.who}</h3>
${circumstancesPart(item.view, drawing)}
${
  ids.length > 1 &&
  html`<p><a href="${batchAddress(
    path,
    ids.filter((id) => id !== item.view.transaction),
  )}">${batch.without}<span class="unseen">: <bdi lang="en">${item.view.title}</bdi></span></a></p>`
}
</article>`,
)}
<section class="panel" aria-labelledby="${asked === undefined ? 'title' : 'sign'}">
<dl class="facts">${fact(batch.root, html`<code title="${root}">${shortDigest(root)}</code>`)}</dl>
${choice !== undefined && rolePart(choice, action, drawing, ids)}
${asked !== undefined && signPart(asked, { action, csrf, button: batch.approve(items.length), items: ids.join(' ') }, drawing)}
<p><a href="${path}">${texts.done.back}</a></p>
</section>`,
  });
}

export function batchDonePage(
  approved: readonly { readonly id: string; readonly title: string }[],
  { lang, texts, path }: Drawing,
): Html {
  const title = texts.batch.done(approved.length);
  return page({
    title,
    lang,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${title}</h1>
<ul>${approved.map(({ id, title: name }) => html`<li><a href="${path}/${id}"><bdi lang="en">${name}</bdi></a></li>`)}</ul>
<p><a href="${path}">${texts.done.back}</a></p>
</section>`,
  });
}
