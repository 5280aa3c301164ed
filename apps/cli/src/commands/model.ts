import { CodedError } from '@countersign/kernel';
import { type Command, InvalidArgumentError } from 'commander';
import { type Connection, type ConnectionOptions, connect, readJson } from '../connection.ts';
import { bold, dim, print, printJson } from '../output.ts';
import { proposeBundle, publishFolder, type Why } from './policy/change.ts';
import { call, requireScope, type VersionWithBundle } from './policy/door.ts';
import { readFolderContent, withModels, withProblems } from './policy/folder.ts';
import { jsonOption, readFolder, withWhy } from './policy/options.ts';
import { visible } from './policy/visible.ts';

interface EntityView {
  readonly uid: { readonly type: string; readonly id: string };
  readonly attrs: unknown;
  readonly parents: readonly { readonly type: string; readonly id: string }[];
}

/** The models of applications, and the entities that are written of them: `countersign model`. */
export function modelCommands(program: Command, options: () => ConnectionOptions): void {
  const model = program
    .command('model')
    .description('models of applications: what the decision point answers for them');
  changeCommands(model, options);
  entityCommands(model, options);
}

function changeCommands(model: Command, options: () => ConnectionOptions): void {
  withWhy(
    model
      .command('apply')
      .argument('<folder>', 'with a model.json', readFolder)
      .description(
        'validate, test and simulate a model beside all that is in force, and propose it to a second person',
      ),
  ).action(async (folder: string, why: Why) => {
    const content = await readFolderContent(folder).catch(withProblems);
    if (content.kind !== 'application')
      throw new CodedError({
        code: 'model_not_found',
        category: 'not-found',
        detail: `${folder} has no model.json. Rules of the market are published with \`countersign policy publish\`.`,
      });
    await publishFolder(folder, why, options);
  });
  withWhy(
    model
      .command('remove')
      .argument('<namespace>', '`countersign model list` shows them', readNamespace)
      .description('propose that a model is no longer answered for; its types are unknown then'),
  ).action(async (namespace: string, why: Why) => {
    const connection = connect(options());
    await requireScope(connection, 'policy:propose');
    const active = (await call(connection, 'GET', '/active')) as VersionWithBundle;
    const { applications = [] } = active.bundle;
    const rest = applications.filter((each) => each.namespace !== namespace);
    if (rest.length === applications.length)
      throw new CodedError({
        code: 'model_not_found',
        category: 'not-found',
        detail: `No model ${namespace} is active. \`countersign model list\` shows what is.`,
      });
    await proposeBundle(connection, { active, bundle: withModels(active.bundle, rest) }, why);
  });
  model
    .command('list')
    .description('the models that are active, what they answer for, and who may ask and write')
    .option(...jsonOption('each model without its rules'))
    .action(async ({ json }: { readonly json?: true }) => {
      const { bundle } = (await call(connect(options()), 'GET', '/active')) as VersionWithBundle;
      const models = (bundle.applications ?? []).map(({ namespace, types, clients }) => ({
        namespace,
        types,
        clients,
      }));
      if (json === true) {
        printJson({ models });
        return;
      }
      for (const { namespace, types, clients } of models)
        print(
          `${bold(namespace)}  ${Object.keys(types).map(visible).join(', ')}  ${dim(`asked by ${clients.ask.join(', ') || 'nobody'}; written by ${clients.write.join(', ') || 'nobody'}`)}`,
        );
      if (models.length === 0) print(dim('none'));
    });
}

function entityCommands(model: Command, options: () => ConnectionOptions): void {
  model
    .command('entities')
    .argument('<namespace>', 'of the model', readNamespace)
    .description('entities that were written over the interface, as a client that may write (--client, --key)')
    .option(...jsonOption('the entities'))
    .action(async (namespace: string, { json }: { readonly json?: true }) => {
      const connection = connect(options());
      const found: EntityView[] = [];
      let after: string | undefined;
      do {
        const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
        const page = (await entityCall(connection, 'GET', `/${namespace}/entities${query}`)) as {
          readonly entities: readonly EntityView[];
          readonly next?: string;
        };
        found.push(...page.entities);
        after = page.next;
      } while (after !== undefined);
      if (json === true) printJson({ entities: found });
      else for (const { uid } of found) print(`${visible(uid.type)}::${JSON.stringify(uid.id)}`);
      if (json !== true && found.length === 0) print(dim('none'));
    });
  model
    .command('put')
    .argument('<namespace>', 'of the model', readNamespace)
    .argument('<file>', 'JSON: a list of entities in the JSON form of Cedar')
    .description('write entities, as a client that may write (--client, --key); each is recorded')
    .action(async (namespace: string, file: string) => {
      const connection = connect(options());
      const entities = readJson(file, 'Name a list of { "uid": { "type", "id" }, "attrs": {}, "parents": [] }.');
      if (!Array.isArray(entities) || !entities.every(isEntity))
        throw new CodedError({
          code: 'entities_invalid',
          category: 'invalid',
          detail: `${file} holds no list of entities: { "uid": { "type", "id" }, "attrs": {}, "parents": [] }.`,
        });
      for (const { uid, attrs, parents } of entities) {
        const { version } = (await entityCall(connection, 'PUT', pathOf(namespace, uid), {
          attrs,
          ...(parents === undefined ? {} : { parents }),
        })) as { readonly version: number };
        print(`+ ${visible(uid.type)}::${JSON.stringify(uid.id)}  ${dim(`entity version ${version}`)}`);
      }
    });
  model
    .command('delete')
    .argument('<namespace>', 'of the model', readNamespace)
    .argument('<type>', 'of the entity, without the namespace')
    .argument('<id>', 'of the entity')
    .description('remove an entity that was written, as a client that may write (--client, --key); it is recorded')
    .action(async (namespace: string, type: string, id: string) => {
      const uid = { type, id };
      const { version } = (await entityCall(connect(options()), 'DELETE', pathOf(namespace, uid))) as {
        readonly version: number;
      };
      print(`- ${namespace}::${visible(type)}::${JSON.stringify(id)}  ${dim(`entity version ${version}`)}`);
    });
}

async function entityCall(
  { issuer, client, token }: Connection,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('decisions', 'application:write'), {
    method,
    url: `${issuer}/decisions/applications${path}`,
    ...(body === undefined ? {} : { body }),
  });
}

/** @param type with the namespace or without: what is of another one is refused where it is written */
function pathOf(namespace: string, { type, id }: EntityView['uid']): string {
  const within = `${namespace}::`;
  const own = type.startsWith(within) ? type.slice(within.length) : type;
  return `/${namespace}/entities/${encodeURIComponent(own)}/${encodeURIComponent(id)}`;
}

function isEntity(value: unknown): value is EntityView {
  if (typeof value !== 'object' || value === null || !('uid' in value) || !('attrs' in value)) return false;
  const { uid } = value;
  return (
    typeof uid === 'object' &&
    uid !== null &&
    'type' in uid &&
    typeof uid.type === 'string' &&
    'id' in uid &&
    typeof uid.id === 'string'
  );
}

/** @throws InvalidArgumentError for what no model is called */
function readNamespace(text: string): string {
  if (/^[A-Z][A-Za-z0-9]{0,31}$/.test(text)) return text;
  throw new InvalidArgumentError('Write its namespace, e.g. Portal; `countersign model list` shows them.');
}
