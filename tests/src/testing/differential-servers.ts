import { registerClients } from './differential-clients.ts';
import { startProvider } from './differential-provider.ts';
import { personOf, type Side, sideOf, startOurSide } from './differential-side.ts';
import { formOf, type PersonBrowser } from './person-browser.ts';
import { createCertificates } from './relying-parties.ts';

/** The two servers under comparison. */
export interface Sides {
  readonly ours: Side;
  readonly theirs: Side;
  /** Internal errors of the other server; a case that causes one compares nothing. */
  readonly faults: readonly Error[];
  stop(): Promise<void>;
}

/** Starts both servers, with the same clients and the same interfaces. */
export async function startSides(folder: string, options: { readonly requireNonce: boolean }): Promise<Sides> {
  const certificates = createCertificates();
  const clients = registerClients(certificates);
  const { side: ours, trading, stop } = await startOurSide(folder, { clients, certificates, ...options });
  const provider = await startProvider({ clients, certificates, ...options });
  const theirs = sideOf({
    name: 'theirs',
    issuer: provider.issuer,
    mtlsBase: provider.mtlsBase,
    clients,
    certificates,
    order: ours.order,
    decide: (browser, url, decision) => decideThere(browser, url, personOf(trading), decision),
  });
  return {
    ours,
    theirs,
    faults: provider.faults,
    async stop() {
      await provider.stop();
      await stop();
    },
  };
}

/** The pages of the other server: sign-in, consent, and a link to refuse. */
async function decideThere(
  browser: PersonBrowser,
  url: string,
  person: string,
  decision: 'allow' | 'refuse',
): Promise<URL> {
  let page = await browser.open(url);
  for (let step = 0; page.leaves === undefined && step < 4; step++) {
    const form = formOf({ ...page, body: page.body.replaceAll('"/>', '">') });
    if (form.fields['prompt'] === 'login') page = await browser.submit(form, { login: person, password: '-' });
    else if (decision === 'refuse') page = await browser.open(`${form.action.href}/abort`);
    else page = await browser.submit(form);
  }
  if (page.leaves === undefined) throw new Error(`the browser stays at ${page.url.pathname}`);
  return page.leaves;
}
