import { csrfField, type Html, html, page } from '@countersign/runtime';
import type { LogoutStep } from './logout.ts';

type Question = Extract<LogoutStep, { readonly kind: 'question' }>;

/** Asks before it signs out. */
export function logoutQuestionPage({ person, client, csrf, fields }: Question, action: string): Html {
  return page({
    title: 'Sign out',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">Sign out?</h1>
<p class="lead">${
      client === undefined
        ? 'You have been sent here to sign out.'
        : html`<bdi>${client.name}</bdi> asks to sign you out.`
    } You are signed in as <strong><bdi>${person}</bdi></strong>.</p>
<p>Signing out ends your session with Countersign in this browser, and every application that you signed in to with it is notified. Your permissions and approvals stay in force.</p>
<form method="post" action="${action}">
${csrfField(csrf)}
${[...fields].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="actions">
<button class="primary" type="submit" name="decision" value="end">Sign out</button>
<button type="submit" name="decision" value="keep">Stay signed in</button>
</div>
</form>
</section>`,
  });
}

export function loggedOutPage(): Html {
  return page({
    title: 'Signed out',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">You are signed out</h1>
<p class="lead">Nobody is signed in with Countersign in this browser.</p>
<p class="hint">On a shared device, also close the browser.</p>
<p><a href="/">Go to the start page</a></p>
</section>`,
  });
}

export function stillSignedInPage({ client }: Extract<LogoutStep, { readonly kind: 'kept' }>): Html {
  return page({
    title: 'Still signed in',
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">You are still signed in</h1>
<p class="lead">${
      client === undefined
        ? 'Nothing was ended.'
        : html`Nothing was ended. You can go back to <bdi>${client.name}</bdi>.`
    }</p>
<p><a href="/me">Your account</a></p>
</section>`,
  });
}
