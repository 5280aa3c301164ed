import { parseResourceUri } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, readLei, readPrincipalId, region, strict } from './fields/fields.ts';
import { readScopes, scopesSchema } from './fields/scopes.ts';

export const resourceReader = entityReader({
  kind: 'resource',
  list: 'resources',
  schema: Type.Object(
    {
      uri: code,
      institution: code,
      scopes: scopesSchema,
      token_format: Type.Optional(
        Type.Enum(['jwt', 'opaque'], { description: '`opaque` tokens resolve only by introspection; default `jwt`.' }),
      ),
      region: Type.Optional(
        Type.String({
          ...region,
          description: "Where its tokens are kept and resolved; the installation's own region when left out.",
        }),
      ),
      may_act: Type.Optional(
        Type.String({
          ...code,
          description:
            'The one service or agent of the institution that may exchange its tokens for the next hop (RFC 8693 section 4.4); any that is registered for exchanges when left out.',
        }),
      ),
    },
    strict,
  ),
  read(document, place) {
    const uri =
      parseResourceUri(document.uri) ??
      place.at('uri').report('directory_file_invalid', 'A resource is an absolute URI without fragment.');
    const institution = readLei(document.institution, place.at('institution'));
    const scopes = readScopes(document.scopes, place.at('scopes'));
    if (uri === undefined || institution === undefined || scopes === undefined) return undefined;
    const { token_format: tokenFormat = 'jwt', region, may_act: namedActor } = document;
    const mayAct = namedActor === undefined ? undefined : readPrincipalId(namedActor, place.at('may_act'));
    if (namedActor !== undefined && mayAct === undefined) return undefined;
    const value = {
      uri,
      institution,
      scopes: [...scopes],
      tokenFormat,
      ...defined({ region, mayAct }),
    };
    return { id: uri, owner: institution, entity: { kind: 'resource', value } };
  },
});
