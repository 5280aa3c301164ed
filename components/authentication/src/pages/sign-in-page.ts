import type { DirectorySnapshot } from '@countersign/contracts';
import { csrfField, type Html, html, page } from '@countersign/runtime';
import type { SignInMethod } from '../methods/method.ts';
import { type OpenSignIn, serves } from '../sign-ins/sign-ins.ts';

export interface SignInPage {
  readonly open: OpenSignIn;
  /** The path of this page. */
  readonly action: string;
  readonly methods: readonly SignInMethod[];
  readonly directory: DirectorySnapshot;
  readonly query: ReadonlyMap<string, string>;
  /** What was wrong with the attempt before. */
  readonly problem?: { readonly code: string; readonly detail: string } | undefined;
  readonly banner: string | undefined;
}

/** The page on which a person shows who they are. */
export function signInPage(content: SignInPage): Html {
  const { open, methods, problem, banner } = content;
  const usable = methods.filter((method) => serves(method, open.signIn));
  return page({
    title: problem === undefined ? 'Sign in' : 'Sign in again',
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">Sign in</h1>
<p class="lead"><strong><bdi>${open.signIn.clientName}</bdi></strong> asks you to show who you are.</p>
${problem && html`<div class="notice problem" role="alert"><p><strong>You are not signed in.</strong> ${problem.detail} <span class="quiet">(${problem.code})</span></p></div>`}
${usable.map((method) => method.draw(partOf(method, content)))}
${usable.length === 0 && nothingUsable(content)}
</section>`,
  });
}

function partOf(method: SignInMethod, { open, action, query, directory }: SignInPage) {
  const hidden = html`${csrfField(open.csrfToken)}<input type="hidden" name="method" value="${method.name}">`;
  const cancel = html`<button name="action" value="cancel" formnovalidate>Cancel</button>`;
  return { action, hidden, cancel, query, directory, need: open.signIn.need };
}

function nothingUsable({ open, action, methods }: SignInPage): Html {
  const why =
    methods.length === 0
      ? 'No sign-in method is configured on this installation, so nobody can be let in.'
      : 'None of the sign-in methods of this installation is of the kind this application asks for.';
  return html`<div class="notice problem" role="alert"><p><strong>Signing in is not possible.</strong> ${why}</p>
<p class="quiet">If you ask for help, say this code: <code>method_not_available</code></p></div>
<form method="post" action="${action}">
${csrfField(open.csrfToken)}
<div class="actions"><button name="action" value="cancel">Go back</button></div>
</form>`;
}
