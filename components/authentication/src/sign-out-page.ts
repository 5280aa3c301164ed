import { csrfField, type Html, html, page } from '@countersign/runtime';

/** A link alone must not end a session. */
export function signOutPage(content: {
  readonly person: string;
  readonly csrfToken: string;
  readonly banner: string | undefined;
}): Html {
  return page({
    title: 'Sign out',
    banner: content.banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">Sign out?</h1>
<p class="lead">You are signed in here as <strong><bdi>${content.person}</bdi></strong>.</p>
<p>Signing out ends your session with Countersign in this browser. Your mandates and approvals stay in force.</p>
<form method="post" action="/sign-out">
${csrfField(content.csrfToken)}
<div class="actions"><button class="primary">Sign out</button> <a class="button" href="/me">Stay signed in</a></div>
</form>
</section>`,
  });
}

export function signedOutPage(banner: string | undefined): Html {
  return page({
    title: 'Signed out',
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">You are signed out</h1>
<p class="lead">Nobody is signed in with Countersign in this browser.</p>
<p class="hint">On a shared device, also close the browser.</p>
<p><a href="/">Go to the start page</a></p>
</section>`,
  });
}
