import { type Client, type DirectorySnapshot, developmentAcr, type Person, type SignIn } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { describeScope } from '@countersign/market';
import { csrfField, type Html, html, page } from '@countersign/runtime';
import type { CheckedRequest, RequestRules } from '../authorization-request/index.ts';
import { detailsSection, fact, institutionName, interfaceWords } from '../requested-terms-page.ts';

export interface ConsentQuestion {
  readonly client: Client;
  readonly person: Person;
  readonly signIn: SignIn;
  readonly checked: CheckedRequest;
  readonly directory: DirectorySnapshot;
  readonly detailTypes: RequestRules['detailTypes'];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface ConsentForm {
  /** Path of the decision, on our own origin. */
  readonly action: string;
  readonly interaction: string;
  readonly csrf: string;
}

export function consentPage(question: ConsentQuestion, form: ConsentForm): Html {
  const { client, person, signIn, checked, directory, detailTypes, until } = question;
  const { scopes, resources } = checked.terms;
  // An ordinary relying party only learns who the person is.
  const signsIn = client.profile === 'oidc';
  return page({
    title: signsIn ? `Sign in to ${client.name}?` : `Allow ${client.name}?`,
    banner: signIn.acr === developmentAcr && 'Development sign-in: the person was not authenticated.',
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${signsIn ? html`Sign in to <bdi>${client.name}</bdi>?` : html`Allow <bdi>${client.name}</bdi> to act for you?`}</h1>
<p class="lead"><bdi>${client.name}</bdi> of <strong><bdi>${institutionName(client.institution, directory)}</bdi></strong> asks for your permission.</p>
${detailsSection(checked.terms, detailTypes)}
<h2>What it may do</h2>
<ul>${scopes.map((scope) => html`<li>${describeScope(scope)} <code class="quiet">${scope}</code></li>`)}</ul>
<h2>Where, who, and until when</h2>
<dl class="facts">
${resources.map((uri) => fact('At', interfaceWords(uri, directory)))}
${fact('You decide as', person.id)}
${fact('For', institutionName(person.institution, directory))}
${fact('Ends', `${inWords(until)}, or when you or your institution end it`)}
</dl>
<form method="post" action="${form.action}">
${csrfField(form.csrf)}
<input type="hidden" name="interaction" value="${form.interaction}">
<div class="actions">
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button class="refuse" type="submit" name="decision" value="refuse">Refuse</button>
</div>
</form>
</article>`,
  });
}

/** To the minute, in UTC: `2026-11-23, 17:00 UTC`. */
function inWords(milliseconds: number): string {
  const instant = toInstant(milliseconds);
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
