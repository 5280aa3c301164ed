import { type Html, html, page } from '@countersign/runtime';
import { institutionName } from '../authorization-endpoint/asked-terms-page.ts';
import { approvePathBeside } from './approval-page.ts';
import type { ApprovalStep, WaitingApproval } from './approvals.ts';
import { inWords } from './warnings.ts';

type List = Extract<ApprovalStep, { readonly kind: 'list' }>;
type Decided = Extract<ApprovalStep, { readonly kind: 'decided' }>;

/** What waits for the person who is signed in. @param path of this page, on our own origin */
export function approvalsPage({ signIn, waiting, directory, elsewhere }: List, path: string): Html {
  return page({
    title: 'Your approvals',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">What waits for you</h1>
<p class="lead">You are signed in as <strong><bdi>${signIn.person}</bdi></strong>. Load this page again to see what has come in since.</p>
${
  waiting.length === 0
    ? html`<p>Nothing waits for your decision.</p>`
    : html`<table><thead><tr><th scope="col">Who asks</th><th scope="col">What</th><th scope="col">Before</th></tr></thead>
<tbody>${waiting.map((each) => row(each))}</tbody></table>`
}
${elsewhere && html`<p><a href="${approvePathBeside(path)}">Transactions that wait for your approval</a></p>`}
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

/** What became of a request. @param path of the list, on our own origin */
export function decidedPage({ outcome, clientName }: Decided, path: string): Html {
  const allowed = outcome === 'allowed';
  return page({
    title: allowed ? 'Allowed' : 'Refused',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">You have ${allowed ? 'allowed' : 'refused'} this</h1>
<p class="lead">${
      allowed
        ? html`<bdi>${clientName}</bdi> goes on by itself on the other device.`
        : html`<bdi>${clientName}</bdi> is told that you refused. Nothing was allowed.`
    }</p>
<p><a href="${path}">See what else waits for you</a></p>
</section>`,
  });
}
