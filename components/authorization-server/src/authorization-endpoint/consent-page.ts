import { type Client, type DirectorySnapshot, developmentAcr, type Person, type SignIn } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  describeAuthorizationDetail,
  describeScope,
  digestOfIntent,
} from '@countersign/market';
import { csrfField, type Html, html, page } from '@countersign/runtime';
import type { CheckedRequest } from './check-request.ts';

export interface ConsentQuestion {
  readonly client: Client;
  readonly person: Person;
  readonly signIn: SignIn;
  readonly checked: CheckedRequest;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch: when what is allowed ends. */
  readonly until: number;
}

export interface ConsentForm {
  /** Path of the decision, on our own origin. */
  readonly action: string;
  readonly interaction: string;
  readonly csrf: string;
}

/**
 * The question to the person: who asks, who decides, what exactly, until when. What it shows of an intent is decoded
 * from what would be granted and from nothing else, so that what is seen is what is allowed.
 */
export function consentPage(question: ConsentQuestion, form: ConsentForm): Html {
  const { client, person, signIn, checked, directory, until } = question;
  const { scopes, details, resources } = checked.terms;
  const only = details.length === 1;
  // An ordinary relying party gets to know the person and can do nothing.
  const signsIn = client.profile === 'oidc';
  return page({
    title: signsIn ? `Sign in to ${client.name}?` : `Allow ${client.name}?`,
    banner: signIn.acr === developmentAcr && 'Development: who signed in here has proved nothing.',
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${signsIn ? html`Sign in to <bdi>${client.name}</bdi>?` : html`Allow <bdi>${client.name}</bdi> to act for you?`}</h1>
<p class="lead"><bdi>${client.name}</bdi> of <strong><bdi>${institutionName(client.institution, directory)}</bdi></strong> asks for your permission.</p>
${
  details.length > 0 &&
  html`<h2>${only ? 'What exactly' : `What exactly: ${details.length} intents, allowed together`}</h2>
${details.map((detail) => intent(detail))}`
}
<h2>What it may do</h2>
<ul>${scopes.map((scope) => html`<li>${describeScope(scope)} <code class="quiet">${scope}</code></li>`)}</ul>
<h2>Where, who, and until when</h2>
<dl class="facts">
${resources.map((uri) => fact('At', `${uri}, an interface of ${resourceOwner(uri, directory)}`))}
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

function intent(detail: AuthorizationDetail): Html {
  const { title, sentences, lines } = describeAuthorizationDetail(detail);
  const digest = digestOfIntent(detail);
  return html`<section aria-label="${title}">
<h3><bdi>${title}</bdi></h3>
${sentences.map((sentence) => html`<p><bdi>${sentence}</bdi></p>`)}
<dl class="facts">${lines.map(({ label, value }) => fact(label, value))}
<div><dt>Fingerprint of this intent</dt><dd><code title="${digest}">${shortDigest(digest)}</code></dd></div></dl>
</section>`;
}

/** Enough to compare by eye or by telephone with what another system shows of the same intent. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ');
}

function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}

function institutionName(lei: string, directory: DirectorySnapshot): string {
  const name = directory.institution(lei)?.name;
  return name === undefined || name === lei ? `LEI ${lei}` : `${name} (LEI ${lei})`;
}

function resourceOwner(uri: string, directory: DirectorySnapshot): string {
  const lei = directory.resource(uri)?.institution;
  return lei === undefined ? 'an unknown institution' : institutionName(lei, directory);
}

/** To the minute, in UTC: `2026-11-23, 17:00 UTC`. */
function inWords(milliseconds: number): string {
  const instant = toInstant(milliseconds);
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
