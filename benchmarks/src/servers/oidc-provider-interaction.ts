import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { InteractionDetails } from 'oidc-provider';

/**
 * Sign-in and consent as its documentation has them made, with as little as they can be made of: a page with a form
 * each. A person is who they say; a consent is to everything that was asked for, in a grant of its own.
 */
export async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const details = await provider.interactionDetails(request, response);
  const { prompt } = details;
  if (request.method === 'GET') {
    const field =
      prompt.name === 'login' ? '<input name="person">' : '<button name="decision" value="allow">Allow</button>';
    const page = `<!doctype html><title>${prompt.name}</title><form method="post" action="/interaction/${details.uid}">${field}</form>`;
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': Buffer.byteLength(page) })
      .end(page);
    return;
  }
  const form = await readForm(request);
  const result =
    prompt.name === 'login'
      ? { login: { accountId: form.get('person') } }
      : { consent: { grantId: await consent(provider, details) } };
  await provider.interactionFinished(request, response, result);
}

async function consent(provider: Provider, { prompt, session, params }: InteractionDetails): Promise<string> {
  const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {}))
    grant.addResourceScope(resource, scopes.join(' '));
  return grant.save();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
