import {
  type EvaluationRequest,
  type EvaluationsRequest,
  evaluationsSemantics,
  policyErrors,
  type RefusedEvaluation,
  type SearchRequest,
} from '@countersign/contracts';
import { defined, isCodedError, isObject, type Json } from '@countersign/kernel';
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';

// AuthZEN 1.0 sections 5 to 8. Unknown members are ignored (section 10.1.1).

const maxEvaluations = 100;

/** Well-formed text for records: a lone surrogate has no canonical form (RFC 8785). */
const text = (maxLength: number) =>
  Type.Refine(
    Type.String({ minLength: 1, maxLength }),
    (value) => value.isWellFormed(),
    () => 'must be well-formed Unicode',
  );
const members = Type.Record(Type.String(), Type.Unsafe<Json>(Type.Unknown()));
const properties = Type.Optional(members);
const subject = Type.Object({ type: text(64), id: text(256), properties });
const action = Type.Object({ name: text(128), properties });
const resource = Type.Object({ type: text(64), id: text(512), properties });
const context = Type.Optional(members);
/** The searched member. An `id` is ignored (sections 8.4.1 and 8.5.1). */
const sought = Type.Object({ type: text(64) });
const page = Type.Optional(
  Type.Object({
    token: Type.Optional(Type.String({ maxLength: 4096 })),
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
);

const evaluation = checkerOf(Type.Object({ subject, action, resource, context }));
const several = checkerOf(
  Type.Object({
    subject: Type.Optional(subject),
    action: Type.Optional(action),
    resource: Type.Optional(resource),
    context,
    // Read one by one, so that an invalid evaluation is refused in its place while the others are decided.
    evaluations: Type.Array(Type.Unknown(), { maxItems: maxEvaluations }),
    options: Type.Optional(Type.Object({ evaluations_semantic: Type.Optional(Type.Enum([...evaluationsSemantics])) })),
  }),
);
const searches = {
  subject: checkerOf(Type.Object({ subject: sought, action, resource, context, page })),
  resource: checkerOf(Type.Object({ subject, action, resource: sought, context, page })),
  action: checkerOf(Type.Object({ subject, resource, context, page })),
};

/** @throws CodedError `evaluation_invalid` */
export function readEvaluation(body: unknown): EvaluationRequest {
  const { subject, action, resource, context } = evaluation(body);
  return { subject: namedIn(subject), action: actionIn(action), resource: namedIn(resource), ...defined({ context }) };
}

/**
 * Section 7.1: several evaluations with default members from the top level, or one evaluation if the list is absent or empty. A member
 * of an evaluation replaces the default as a whole.
 * @throws CodedError `evaluation_invalid` if the request as a whole is invalid
 */
export function readEvaluations(body: unknown): EvaluationRequest | EvaluationsRequest {
  if (!isObject(body) || !Object.hasOwn(body, 'evaluations') || isEmptyArray(body['evaluations']))
    return readEvaluation(body);
  const { evaluations, options, ...defaults } = several(body);
  return {
    evaluations: evaluations.map((item) => readOneOfSeveral(item, defaults)),
    semantic: options?.evaluations_semantic ?? 'execute_all',
  };
}

/** @throws CodedError `evaluation_invalid` */
export function readSearch(kind: SearchRequest['kind'], body: unknown): SearchRequest {
  switch (kind) {
    case 'subject': {
      const { subject, action, resource, ...rest } = searches.subject(body);
      const { type } = subject;
      return { kind, subject: { type }, action: actionIn(action), resource: namedIn(resource), ...scopeIn(rest) };
    }
    case 'resource': {
      const { subject, action, resource, ...rest } = searches.resource(body);
      const { type } = resource;
      return { kind, subject: namedIn(subject), action: actionIn(action), resource: { type }, ...scopeIn(rest) };
    }
    case 'action': {
      const { subject, resource, ...rest } = searches.action(body);
      return { kind, subject: namedIn(subject), resource: namedIn(resource), ...scopeIn(rest) };
    }
    default:
      return kind satisfies never;
  }
}

function readOneOfSeveral(
  item: unknown,
  defaults: Readonly<Record<string, unknown>>,
): EvaluationRequest | RefusedEvaluation {
  try {
    if (!isObject(item)) throw refuse('An evaluation must be an object.');
    return readEvaluation({ ...defaults, ...item });
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { decision: false, refused: { code: error.code, detail: error.detail } };
  }
}

// Each names its members, because a request may have others.
const namedIn = ({ type, id, properties }: Static<typeof resource>) => ({ type, id, ...defined({ properties }) });
const actionIn = ({ name, properties }: Static<typeof action>) => ({ name, ...defined({ properties }) });
interface Rest {
  readonly context?: Static<typeof members>;
  readonly page?: { readonly token?: string; readonly limit?: number };
}
const scopeIn = ({ context, page }: Rest) => ({
  ...defined({ context }),
  ...(page === undefined ? {} : { page: defined({ token: page.token, limit: page.limit }) }),
});

function checkerOf<Schema extends TSchema>(schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = Compile(schema);
  const matches = (value: unknown): value is Static<Schema> => compiled.Check(value);
  return (value) => {
    if (matches(value)) return value;
    throw refuse(problemWith(compiled.Errors(value)[0]));
  };
}

/** Describes an error with names from the schema only, without echoing input. */
function problemWith(error: ReturnType<ReturnType<typeof Compile>['Errors']>[number] | undefined): string {
  if (error === undefined) return 'The request has an invalid form.';
  const path = error.instancePath.split('/').slice(1);
  if (error.keyword === 'required') return `${[...path, error.params.requiredProperties[0]].join('.')} is missing.`;
  return `${path.length === 0 ? 'The request' : path.join('.')} ${error.message}.`;
}

function refuse(detail: string) {
  return policyErrors.error('evaluation_invalid', detail);
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
