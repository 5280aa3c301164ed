/** A compiled schema. Its message for an unknown member is replaced below. */
interface Checked {
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

/** The first error of a value by a schema, with its JSON pointer (RFC 6901); undefined without an error. */
export function firstFaultIn(value: unknown, schema: Checked): string | undefined {
  const [first] = schema.Errors(value);
  if (first === undefined) return undefined;
  const { instancePath, message } = first;
  return `${instancePath || '/'} ${message === 'schema is false' ? 'is not a known member' : message}`;
}
