import {
  type ApplicationDetailType,
  type DeclaredDetailType,
  type DeclaringModel,
  parseResourceUri,
} from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import { isApplicationDetailTypeName } from '@countersign/market';
import { faultOfRendering, renderDetail, unshowableText } from './detail-rendering.ts';
import { faultOfDetailSchema, problemWithDetail } from './detail-schema.ts';
import type { LocatedProblem } from './located.ts';
import { applicationFolder, detailTypesFile } from './located.ts';

/**
 * The types of authorization details that models declare. A name has one owner in any spelling, and only the market uses its own
 * names, so that the purpose of a token is unambiguous.
 * @returns the types, and problems
 */
export function detailTypesOf(models: readonly DeclaringModel[]): {
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
  readonly problems: readonly LocatedProblem[];
} {
  const detailTypes = new Map<string, ApplicationDetailType>();
  const owners = new Map<string, string>();
  const problems: LocatedProblem[] = [];
  for (const model of models) {
    const file = `${applicationFolder(model)}${detailTypesFile}`;
    for (const declared of model.authorizationDetails ?? []) {
      const { type } = declared;
      const owner = isApplicationDetailTypeName(type)
        ? owners.get(type.toLowerCase())
        : 'not an https URI, or belongs to the market';
      const fault = owner === undefined ? faultOf(declared) : undefined;
      if (owner !== undefined)
        problems.push({ file, code: 'details_type_taken', message: `the type ${type} ${owner}` });
      else if (fault !== undefined) problems.push({ file, code: fault.code, message: `${type}: ${fault.message}` });
      else detailTypes.set(type, typeOf(declared));
      if (owner === undefined) owners.set(type.toLowerCase(), `already belongs to the model ${model.namespace}`);
    }
  }
  return { detailTypes, problems };
}

function faultOf({ audience, schema, rendering }: DeclaredDetailType) {
  const invalid = (message: string) => ({ code: 'details_schema_invalid', message });
  if (parseResourceUri(audience) !== audience) return invalid('its audience is not the absolute URI of an interface');
  const fault = faultOfDetailSchema(schema);
  if (fault !== undefined) return invalid(fault);
  return rendering === undefined ? undefined : faultOfRendering(rightSchema(schema), rendering);
}

function typeOf({ audience, schema, rendering }: DeclaredDetailType): ApplicationDetailType {
  const members = rightSchema(schema);
  if (rendering === undefined) return { audience, problemWith: (detail) => problemWithDetail(members, detail) };
  return {
    audience,
    problemWith: (detail) => problemWithDetail(members, detail) ?? unshowable(detail),
    describe: (detail) => renderDetail(rendering, detail),
  };
}

function unshowable(detail: Readonly<Record<string, Json>>) {
  const path = unshowableText(detail);
  return path === undefined
    ? undefined
    : {
        path,
        problem: 'field_malformed',
        detail: 'The text has characters or spaces that are invisible on a page.',
      };
}

function rightSchema(schema: Json): Readonly<Record<string, Json>> {
  const members = membersOf(schema);
  if (members === undefined) throw new Error('a validated schema is not an object');
  return members;
}
