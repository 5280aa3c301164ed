import { describeScope } from '@countersign/market';
import { ceremonyAttributes, ceremonyFields, csrfField, type Html, html, page } from '@countersign/runtime';
import { detailsSection, fact, institutionName, interfaceWords } from '../requested-terms-page.ts';
import type { ApprovalQuestion, ApprovalStep, WaitingApproval } from './approvals.ts';
import { type IntentChange, inWords, type Warnings } from './warnings.ts';

/** On the person's own device. @param path of the list, on our own origin */
export function approvalPage(question: ApprovalQuestion, path: string): Html {
  const { client, person, terms, directory, detailTypes, request, until, warnings, allowing } = question;
  const { scopes, resources } = terms;
  return page({
    title: `Allow ${client.name}?`,
    script: allowing.by === 'signature',
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">Allow <bdi>${client.name}</bdi> to act for you?</h1>
<p class="lead"><bdi>${client.name}</bdi> of <strong><bdi>${institutionName(client.institution, directory)}</bdi></strong> asks for your permission from another device.</p>
${messageNotice(request.bindingMessage)}
${warningNotice(warnings)}
${transactionLink(question, path)}
${detailsSection(terms, detailTypes, (detail) => {
  const change = warnings.changes.find((each) => each.intent === detail);
  return change !== undefined && changeTable(change);
})}
<h2>It will be able to</h2>
<ul>${scopes.map((scope) => html`<li>${describeScope(scope)} <code>${scope}</code></li>`)}</ul>
<h2>Where, who, and until when</h2>
<dl class="facts">
${resources.map((uri) => fact('At', interfaceWords(uri, directory)))}
${fact('You decide as', person.id)}
${fact('For', institutionName(person.institution, directory))}
${fact('Asked', inWords(request.requestedAt))}
${fact('Decide before', inWords(request.expiresAt))}
${fact('Ends', `${inWords(until)}, or when you or your institution end it`)}
</dl>
${decisionForm(question, `${path}/${question.id}`)}
</article>`,
  });
}

/** A refusal is not signed. */
function decisionForm({ allowing, form }: ApprovalQuestion, action: string): Html {
  const signs = allowing.by === 'signature';
  return html`<form method="post" action="${action}"${signs && ceremonyAttributes('get', allowing.asked.options)}>
${csrfField(form.csrf)}
<input type="hidden" name="seen" value="${form.seen}">
${
  signs &&
  html`<input type="hidden" name="handle" value="${allowing.asked.handle}">
<p class="hint">Your security key signs exactly this, and nothing else.</p>
${ceremonyFields()}`
}
${allowing.by === 'nothing' && html`<div class="notice problem" role="alert"><p>${allowing.detail} <span class="quiet">(<code>${allowing.code}</code>)</span></p></div>`}
<div class="actions">
${allowing.by !== 'nothing' && html`<button class="primary" type="submit" name="decision" value="allow">${signs ? 'Sign and allow' : 'Allow'}</button>`}
<button class="refuse" type="submit" name="decision" value="refuse" formnovalidate>Refuse</button>
</div>
</form>`;
}

/** A permission does not replace the approval of the transaction. */
function transactionLink({ transaction }: ApprovalQuestion, path: string): Html | false {
  return (
    transaction !== undefined &&
    html`<div class="notice" role="note"><p>This transaction also needs your own approval. <a href="${approvePathBeside(path)}/${transaction}">Review and approve it</a></p></div>`
  );
}

/** Link to the pages where transactions are approved. */
export function approvePathBeside(path: string): string {
  return path.replace(/\/approvals$/, '/approve');
}

function messageNotice(message: string | undefined): Html {
  return message === undefined
    ? html`<div class="notice"><p>Allow this only if you started it, or if the person who started it is with you or has informed you about it.</p></div>`
    : html`<div class="notice"><p>The other device shows this message:</p><p><strong><code><bdi>${message}</bdi></code></strong></p><p>Allow this only if it shows exactly the same.</p></div>`;
}

function warningNotice({ sentences }: Warnings): Html | false {
  return (
    sentences.length > 0 &&
    html`<div class="notice warning" role="note"><ul>${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul></div>`
  );
}

function changeTable({ askedAt, became, lines }: IntentChange): Html {
  return html`<div class="notice warning"><p><strong>Changed</strong> since the request of ${inWords(askedAt)}, which was ${became}:</p>
<table><thead><tr><th scope="col">What</th><th scope="col">Before</th><th scope="col">Now</th></tr></thead>
<tbody>${lines.map(({ label, before, now }) => html`<tr><th scope="row">${label}</th><td><bdi>${before ?? 'nothing'}</bdi></td><td><bdi>${now ?? 'nothing'}</bdi></td></tr>`)}</tbody></table></div>`;
}

type List = Extract<ApprovalStep, { readonly kind: 'list' }>;
type Decided = Extract<ApprovalStep, { readonly kind: 'decided' }>;

/** @param path of this page, on our own origin */
export function approvalsPage({ signIn, waiting, directory, transactionPages }: List, path: string): Html {
  return page({
    title: 'Your approvals',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">Awaiting your decision</h1>
<p class="lead">You are signed in as <strong><bdi>${signIn.person}</bdi></strong>. Reload this page to see new requests.</p>
${
  waiting.length === 0
    ? html`<p>No requests await your decision.</p>`
    : html`<table><thead><tr><th scope="col">Who asks</th><th scope="col">What</th><th scope="col">Before</th></tr></thead>
<tbody>${waiting.map((each) => row(each))}</tbody></table>`
}
${transactionPages && html`<p><a href="${approvePathBeside(path)}">Transactions awaiting your approval</a></p>`}
</section>`,
  });

  function row({ id, request, titles, client }: WaitingApproval): Html {
    const whose = client === undefined ? undefined : institutionName(client.institution, directory);
    return html`<tr>
<td><a href="${path}/${id}"><bdi>${client?.name ?? request.client}</bdi></a>${whose !== undefined && html`<br><span class="quiet"><bdi>${whose}</bdi></span>`}</td>
<td>${titles.length === 0 ? request.asked.scope.join(', ') : titles.map((title) => html`<bdi>${title}</bdi><br>`)}${request.bindingMessage !== undefined && html`<br><span class="quiet">Message:</span> <code><bdi>${request.bindingMessage}</bdi></code>`}</td>
<td>${inWords(request.expiresAt)}</td>
</tr>`;
  }
}

/** @param path of the list, on our own origin */
export function decidedPage({ outcome, clientName }: Decided, path: string): Html {
  const allowed = outcome === 'allowed';
  return page({
    title: allowed ? 'Allowed' : 'Refused',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">You have ${allowed ? 'allowed' : 'refused'} this</h1>
<p class="lead">${
      allowed
        ? html`<bdi>${clientName}</bdi> continues on the other device.`
        : html`<bdi>${clientName}</bdi> will be informed that you refused. Nothing was allowed.`
    }</p>
<p><a href="${path}">See other requests</a></p>
</section>`,
  });
}
