// JSON Schema (draft 2020-12) of what the methods in a table of calls take and answer, as the type checker sees them.
import { API, ElementFlags, SignatureKind, SymbolFlags, TypeFlags } from 'typescript/unstable/sync';

const literal = TypeFlags.StringLiteral | TypeFlags.NumberLiteral | TypeFlags.BooleanLiteral;
/** Definitions shorter than this are written where they are used. */
const shortDefinition = 60;
/** Schemas longer than this that occur more than once become definitions. */
const shortRepetition = 100;
/** What a number becomes in a template literal type. */
const numberPattern = '-?[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?';

/**
 * @param {string} file a module that exports `remoteCalls` and `RemoteContracts`, in a folder with a tsconfig.json
 * @returns {{ definitions: Record<string, object>, calls: Record<string, Record<string, { arguments: object, answer: object }>> }}
 *   both sorted by name
 * @throws Error that names contract, method and path of each type that has no schema
 */
export function describeCalls(file) {
  const api = new API();
  try {
    const snapshot = api.updateSnapshot({ openFiles: [file] });
    const project = snapshot.getDefaultProjectForFile(file);
    const source = project?.program.getSourceFile(file);
    const module = source && project.checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} is not a module of any TypeScript project`);
    const problem = project.program.getSemanticDiagnostics(file)[0];
    if (problem !== undefined) throw new Error(`${file} does not compile: ${problem.text}`);
    return describe(project, module);
  } finally {
    api.close();
  }
}

function describe({ checker, program }, module) {
  const exported = (name) => {
    const symbol = checker.getExportsOfModule(module).find((candidate) => candidate.name === name);
    if (symbol === undefined) throw new Error(`the table exports no ${name}`);
    return symbol;
  };
  const schemas = createSchemas(checker, namesOfUnions(checker, program));
  const contracts = checker.getDeclaredTypeOfSymbol(exported('RemoteContracts'));
  const calls = {};
  const problems = [];
  for (const contract of propertiesOf(checker, checker.getTypeOfSymbol(exported('remoteCalls')))) {
    const type = checker.getTypeOfSymbol(checker.getPropertyOfType(contracts, contract.name));
    calls[contract.name] = {};
    for (const { name } of propertiesOf(checker, checker.getTypeOfSymbol(contract))) {
      const method = checker.getTypeOfSymbol(checker.getPropertyOfType(type, name));
      try {
        calls[contract.name][name] = schemas.ofCall(method, `${contract.name}.${name}`);
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        problems.push(error.message);
      }
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return shareRepeated({ definitions: schemas.definitions(), calls });
}

/** Gives each schema that occurs more than once a definition, which is named after the place where it occurs first. */
function shareRepeated(described) {
  const places = new Map();
  const names = new Map();
  const used = new Set(Object.keys(described.definitions));
  const isSchema = (value) => ['type', 'anyOf', 'enum'].some((keyword) => isKeyword(value, keyword));
  // A member may be called `type` too: then it holds a schema, not the name of a type.
  const isKeyword = (value, keyword) => typeof value[keyword] === 'string' || Array.isArray(value[keyword]);

  function collect(value, name) {
    if (typeof value !== 'object' || value === null) return;
    if (isSchema(value)) {
      const text = JSON.stringify(value);
      if (text.length > shortRepetition) {
        if (places.has(text)) {
          // The parts of a repeated schema are repeated within its definition only if they occur elsewhere too.
          names.set(text, places.get(text));
          return;
        }
        places.set(text, name);
      }
    }
    for (const [member, part] of Object.entries(value)) collect(part, nameOfPart(name, member));
  }
  function nameOfPart(name, member) {
    if (keywords.has(member) || /^[0-9]+$/.test(member)) return name;
    return (
      name +
      member
        .split(/[^A-Za-z0-9]+/)
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join('')
    );
  }
  function replace(value, isTop = false) {
    if (typeof value !== 'object' || value === null) return value;
    const name = isTop ? undefined : names.get(JSON.stringify(value));
    if (name !== undefined) return { $ref: `#/$defs/${name}` };
    if (Array.isArray(value)) return value.map((item) => replace(item));
    return Object.fromEntries(Object.entries(value).map(([member, part]) => [member, replace(part)]));
  }

  for (const [name, schema] of Object.entries(described.definitions)) collect(schema, name);
  for (const [contract, methods] of Object.entries(described.calls)) collect(methods, nameOfPart('', contract));
  for (const [text, first] of names) {
    const whole = Object.entries(described.definitions).find(([, schema]) => JSON.stringify(schema) === text)?.[0];
    let name = whole ?? first;
    for (let number = 2; whole === undefined && used.has(name); number++) name = `${first}${number}`;
    used.add(name);
    names.set(text, name);
  }
  const shared = Object.fromEntries([...names].map(([text, name]) => [name, JSON.parse(text)]));
  const definitions = Object.entries({ ...described.definitions, ...shared })
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, schema]) => [name, replace(schema, true)]);
  return { definitions: Object.fromEntries(definitions), calls: replace(described.calls) };
}

/** Keywords whose name says nothing about the value inside. */
const keywords = new Set(['properties', 'items', 'prefixItems', 'anyOf', 'additionalProperties', 'keys', 'values']);

/** A type that no schema is written for. */
class Unsupported extends Error {}

function createSchemas(checker, unionNames) {
  /** By name: which type has it, and its schema once that is known. */
  const named = new Map();

  function ofCall(method, at) {
    const [signature, ...others] = checker.getSignaturesOfType(method, SignatureKind.Call);
    if (signature === undefined || others.length > 0) throw refuse('anything but one signature', at);
    if (signature.getTypeParameters().length > 0) throw refuse('a generic method', at);
    if (signature.hasRestParameter) throw refuse('a rest parameter', at);
    const parameters = signature.getParameters();
    const items = parameters.map((parameter) => {
      const schema = ofType(checker.getTypeOfSymbol(parameter), `${at}(${parameter.name})`);
      return isOptionalParameter(parameter) ? orUndefined(schema, `${at}(${parameter.name})`) : schema;
    });
    const required = parameters.findIndex(isOptionalParameter);
    const promise = checker.getReturnTypeOfSignature(signature);
    if (promise.getSymbol()?.name !== 'Promise') throw refuse('an answer that is no promise', at);
    const [answer] = checker.getTypeArguments(promise);
    return {
      arguments: listOf(items, required === -1 ? items.length : required, false),
      answer: ofType(answer, `${at} answers`),
    };
  }

  function ofType(type, at) {
    const name = nameOf(type);
    return name === undefined ? ofStructure(type, at) : shared(name, identityOf(type), at, () => ofStructure(type, at));
  }

  function shared(name, identity, at, schemaOf) {
    // Whatever was parsed as JSON is of it (foundation/kernel/src/canonical-json.ts).
    if (name === 'Json') return {};
    const known = named.get(name);
    if (known !== undefined) {
      if (known.identity !== identity) throw refuse(`one of two types of the name ${name}`, at);
      if (known.schema === undefined) known.isRecursive = true;
      return use(name, known);
    }
    const entry = { identity, schema: undefined, isRecursive: false };
    named.set(name, entry);
    entry.schema = schemaOf();
    return use(name, entry);
  }

  function use(name, entry) {
    return isShort(entry) ? entry.schema : { $ref: `#/$defs/${name}` };
  }

  function isShort({ schema, isRecursive }) {
    return schema !== undefined && !isRecursive && JSON.stringify(schema).length < shortDefinition;
  }

  /** The name under which a type can be shared: of an interface or an alias without type arguments. */
  function nameOf(type) {
    const alias = type.getAliasSymbol();
    if (alias !== undefined && type.getAliasTypeArguments().length === 0) return alias.name;
    if (type.isUnionType()) return unionNames.get(identityOf(type));
    if (type.flags !== TypeFlags.Object) return undefined;
    const symbol = type.getSymbol();
    if (symbol === undefined || !(symbol.flags & SymbolFlags.Interface) || !isOurs(symbol)) return undefined;
    const isGeneric = type.isTypeReference() && checker.getTypeArguments(type).some(({ isThisType }) => !isThisType);
    return isGeneric ? undefined : symbol.name;
  }

  function ofStructure(type, at) {
    const base = withoutBrand(type);
    const { flags } = base;
    if (base.isErrorType() || flags & TypeFlags.Any) throw refuse('any', at);
    if (flags & TypeFlags.Unknown) return {};
    if (flags & literal) return { const: base.value };
    if (flags & TypeFlags.String) return { type: 'string' };
    if (flags & TypeFlags.Number) return { type: 'number' };
    if (flags & TypeFlags.Boolean) return { type: 'boolean' };
    if (flags & TypeFlags.Null) return { type: 'null' };
    if (flags & (TypeFlags.Undefined | TypeFlags.Void)) return { wire: 'undefined' };
    if (flags & TypeFlags.BigInt) return { wire: 'bigint' };
    if (flags & TypeFlags.TemplateLiteral) return { type: 'string', pattern: patternOf(base, at) };
    if (flags & TypeFlags.Union) return ofUnion(base.getTypes(), at);
    if (flags & TypeFlags.Intersection) return ofMembers(base, at);
    if (flags & TypeFlags.Object) return ofObject(base, at);
    throw refuse(checker.typeToString(type), at);
  }

  /** `Brand<Base, Name>` is its base (foundation/kernel/src/brand.ts): only parsers know the rest. */
  function withoutBrand(type) {
    if (!type.isIntersectionType()) return type;
    const others = type.getTypes().filter((part) => !isBrand(part));
    return others.length === 1 ? others[0] : type;
  }

  function isBrand(type) {
    const members = checker.getPropertiesOfType(type);
    return type.isObjectType() && members.length > 0 && members.every(isNamedBySymbol);
  }

  /** Brands are members whose names exist for the compiler alone. */
  function isNamedBySymbol({ escapedName }) {
    return escapedName.startsWith('__@');
  }

  function ofUnion(parts, at) {
    if (parts.some(isUndefined)) return orUndefined(ofUnionWithout(isUndefined, parts, at), at);
    if (parts.some(isNull)) return anyOf([ofUnionWithout(isNull, parts, at), { type: 'null' }]);
    const bases = parts.map(withoutBrand);
    const literals = bases.filter(({ flags }) => flags & literal).map(({ value }) => value);
    const isBoolean = literals.includes(true) && literals.includes(false);
    const values = literals.filter((value) => !isBoolean || typeof value !== 'boolean').sort();
    return anyOf([
      ...(isBoolean ? [{ type: 'boolean' }] : []),
      ...(values.length === 0 ? [] : [values.length === 1 ? { const: values[0] } : { enum: values }]),
      ...bases.filter(({ flags }) => !(flags & literal)).map((part) => ofType(part, at)),
    ]);
  }

  function ofObject(type, at) {
    if (type.isTupleType() || (type.isTypeReference() && type.getTarget().isTupleType())) return ofTuple(type, at);
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type);
      return { type: 'array', items: ofType(item, `${at}[]`) };
    }
    const symbol = type.getSymbol();
    if (symbol !== undefined && !isOurs(symbol)) return ofBuiltIn(type, symbol.name, at);
    if (symbol !== undefined && symbol.flags & SymbolFlags.Class) throw refuse(`the class ${symbol.name}`, at);
    return ofMembers(type, at);
  }

  function ofTuple(type, at) {
    const items = checker.getTypeArguments(type);
    const flags = type.getTarget().elementFlags;
    const rest = flags.findIndex((flag) => flag & ElementFlags.Variable);
    if (rest !== -1 && rest !== flags.length - 1) throw refuse('a tuple with a rest in its middle', at);
    const schemas = items.map((item, index) => {
      const schema = ofType(item, `${at}[${index}]`);
      return flags[index] & ElementFlags.Optional ? orUndefined(schema, `${at}[${index}]`) : schema;
    });
    const fixed = rest === -1 ? schemas : schemas.slice(0, rest);
    const required = flags.filter((flag) => flag & ElementFlags.Required).length;
    return listOf(fixed, required, rest === -1 ? false : schemas[rest]);
  }

  function ofBuiltIn(type, name, at) {
    const bound = (index) => ofType(checker.getTypeArguments(type)[index], `${at}<${index}>`);
    switch (name) {
      case 'Uint8Array':
      case 'Buffer':
        return { wire: 'bytes' };
      case 'Map':
      case 'ReadonlyMap':
        return { wire: 'map', keys: bound(0), values: bound(1) };
      case 'Set':
      case 'ReadonlySet':
        return { wire: 'set', items: bound(0) };
      default:
        // Mapped types of the library have the symbol of their declaration there.
        if (type.getSymbol()?.flags & SymbolFlags.TypeLiteral) return ofMembers(type, at);
        throw refuse(checker.typeToString(type), at);
    }
  }

  function ofMembers(type, at) {
    for (const kind of [SignatureKind.Call, SignatureKind.Construct]) {
      if (checker.getSignaturesOfType(type, kind).length > 0) throw refuse('a function', at);
    }
    const properties = {};
    const required = [];
    for (const member of propertiesOf(checker, type)) {
      const where = `${at}.${member.name}`;
      if (isNamedBySymbol(member)) throw refuse('a member named by a symbol', at);
      // Nothing that every object has already may decide whether a member is there.
      if (member.name in Object.prototype) throw refuse('a member of that name', where);
      const value = ofMember(checker.getTypeOfSymbol(member), where);
      if (value === undefined) continue;
      properties[member.name] = value.schema;
      if (value.isRequired && !(member.flags & SymbolFlags.Optional)) required.push(member.name);
    }
    const others = ofIndexes(type, at);
    if (Object.keys(properties).length === 0 && others === undefined) throw refuse(checker.typeToString(type), at);
    return {
      type: 'object',
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: others ?? false,
    };
  }

  /** A member that is undefined is not written, so that it need not be there. Nothing where it can only be undefined. */
  function ofMember(type, at) {
    if (type.flags & TypeFlags.Never || isUndefined(type)) return undefined;
    const parts = type.isUnionType() ? type.getTypes() : [type];
    if (parts.some(isUndefined)) return { schema: ofUnionWithout(isUndefined, parts, at), isRequired: false };
    return { schema: ofType(type, at), isRequired: !(type.flags & TypeFlags.Unknown) };
  }

  /** A union with undefined or null is another union to the checker: it has lost its name. */
  function ofUnionWithout(isLeftOut, parts, at) {
    const [first, ...others] = parts.filter((part) => !isLeftOut(part));
    if (others.length === 0) return ofType(first, at);
    const identity = identityOfUnion([first, ...others]);
    const name = unionNames.get(identity);
    const schemaOf = () => ofUnion([first, ...others], at);
    return name === undefined ? schemaOf() : shared(name, identity, at, schemaOf);
  }

  function ofIndexes(type, at) {
    let schema;
    for (const { keyType, valueType } of checker.getIndexInfosOfType(type)) {
      if (!(keyType.flags & TypeFlags.String)) throw refuse(`an index by ${checker.typeToString(keyType)}`, at);
      schema = ofMember(valueType, `${at}[string]`)?.schema ?? false;
    }
    return schema;
  }

  function patternOf(type, at) {
    const [first, ...rest] = type.texts.map((text) => text.replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&'));
    const parts = type.getTypes().map(({ flags }, index) => {
      if (flags & TypeFlags.String) return `[^]*${rest[index]}`;
      if (flags & TypeFlags.Number) return `${numberPattern}${rest[index]}`;
      if (flags & TypeFlags.BigInt) return `-?[0-9]+${rest[index]}`;
      throw refuse(checker.typeToString(type), at);
    });
    return `^${first}${parts.join('')}$`;
  }

  function definitions() {
    const entries = [...named].filter(([, entry]) => !isShort(entry)).map(([name, { schema }]) => [name, schema]);
    return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  return { ofCall, definitions };
}

/** Names of the exported unions, by their members: the checker forgets a name where a type is computed. */
function namesOfUnions(checker, program) {
  const names = new Map();
  for (const path of program.getSourceFileNames().filter(isOurPath)) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path));
    if (module === undefined) continue;
    for (const symbol of checker.getExportsOfModule(module)) {
      if (!(symbol.flags & SymbolFlags.TypeAlias)) continue;
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      if (!type.isUnionType() || type.getAliasTypeArguments().length > 0) continue;
      const identity = identityOf(type);
      const other = names.get(identity);
      if (other === undefined || symbol.name < other) names.set(identity, symbol.name);
    }
  }
  return names;
}

function isOurs(symbol) {
  return symbol.declarations.every(({ path }) => isOurPath(path));
}

function isOurPath(path) {
  return !path.includes('/node_modules/') && !path.startsWith('bundled:');
}

function identityOf(type) {
  return type.isUnionType() ? identityOfUnion(type.getTypes()) : String(type.id);
}

function identityOfUnion(parts) {
  return parts
    .map(({ id }) => id)
    .sort((one, other) => one - other)
    .join('|');
}

function propertiesOf(checker, type) {
  return [...checker.getPropertiesOfType(type)].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function isOptionalParameter(parameter) {
  const { questionToken, initializer } = parameter.valueDeclaration.resolve();
  return questionToken !== undefined || initializer !== undefined;
}

function isUndefined({ flags }) {
  return Boolean(flags & (TypeFlags.Undefined | TypeFlags.Void));
}

function isNull({ flags }) {
  return Boolean(flags & TypeFlags.Null);
}

function listOf(items, required, rest) {
  return {
    type: 'array',
    ...(items.length === 0 ? {} : { prefixItems: items }),
    ...(required === 0 ? {} : { minItems: required }),
    items: rest,
  };
}

/** In a place where JSON has to have something, undefined is null: there cannot be both. */
function orUndefined(schema, at) {
  const alternatives = schema.anyOf ?? [schema];
  // What may be anything may be null.
  if (Object.keys(schema).length === 0 || alternatives.some(({ wire }) => wire === 'undefined')) return schema;
  if (alternatives.some(({ type }) => type === 'null' || type?.includes?.('null')))
    throw refuse('both null and undefined', at);
  return anyOf([schema, { wire: 'undefined' }]);
}

/** One schema where the alternatives are of different JSON types, whose keywords do not meet. */
function anyOf(schemas) {
  const different = new Map(
    schemas.flatMap((schema) => schema.anyOf ?? [schema]).map((schema) => [JSON.stringify(schema), schema]),
  );
  // In an order that no other type of the program has a part in.
  const alternatives = [...different.keys()].sort().map((text) => different.get(text));
  const isMergeable = alternatives.every(({ type, ...rest }) => type !== undefined && !('enum' in rest));
  const types = alternatives.flatMap(({ type }) => type ?? []);
  if (alternatives.length === 1) return alternatives[0];
  if (!isMergeable || new Set(types).size < types.length) return { anyOf: alternatives };
  return Object.assign({}, ...alternatives, { type: types.sort() });
}

function refuse(what, at) {
  return new Unsupported(`${at}: ${what} cannot be passed to another process`);
}
