/** What a compiled schema finds; its own words for a member that it does not know are none. */
interface Checked {
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

/** The first that a schema finds wrong with a value, with its place (RFC 6901); undefined where it finds no words. */
export function firstFaultIn(value: unknown, schema: Checked): string | undefined {
  const [first] = schema.Errors(value);
  if (first === undefined) return undefined;
  const { instancePath, message } = first;
  return `${instancePath || '/'} ${message === 'schema is false' ? 'is no member that is known there' : message}`;
}
