import { CodedError } from '@countersign/kernel';
import { type Command, InvalidArgumentError } from 'commander';
import { type Answer, FileContent, request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, printJson } from '../output.ts';
import { readJson } from '../read-json.ts';
import { visible } from '../visible.ts';
import { proposeBundle, publishFolder, type Why } from './policy/change.ts';
import { activePolicies, requireScope } from './policy/door.ts';
import { readFolderContent, withModels, withProblems } from './policy/folder.ts';
import { jsonOption, readFolder, withTicketAndReason } from './policy/options.ts';

/** Application models and their entities: `countersign model`. */
export function modelCommands(program: Command, options: () => ConnectionOptions): void {
  const model = program
    .command('model')
    .description('models of applications: what the decision point answers for them');
  changeCommands(model, options);
  entityCommands(model, options);
}

function changeCommands(model: Command, options: () => ConnectionOptions): void {
  withTicketAndReason(
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
  withTicketAndReason(
    model
      .command('remove')
      .argument('<namespace>', '`countersign model list` shows them', readNamespace)
      .description('propose that a model is no longer answered for; its types are unknown then'),
  ).action(async (namespace: string, why: Why) => {
    const connection = connect(options());
    await requireScope(connection, 'policy:propose');
    const active = await activePolicies(connection);
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
      const { bundle } = await activePolicies(connect(options()));
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
      const found: Schemas['ApplicationEntity'][] = [];
      let after: string | undefined;
      do {
        const page: Answer<'GET /decisions/applications/{namespace}/entities'> = await request(
          connection,
          'GET /decisions/applications/{namespace}/entities',
          { scope: 'application:write', params: { namespace }, query: { after } },
        );
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
        const { version } = await request(connection, 'PUT /decisions/applications/{namespace}/entities/{type}/{id}', {
          scope: 'application:write',
          params: paramsOf(namespace, uid),
          body: new FileContent({ attrs, parents }),
        });
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
      const { version } = await request(
        connect(options()),
        'DELETE /decisions/applications/{namespace}/entities/{type}/{id}',
        { scope: 'application:write', params: paramsOf(namespace, uid) },
      );
      print(`- ${namespace}::${visible(type)}::${JSON.stringify(id)}  ${dim(`entity version ${version}`)}`);
    });
}

/** @param type with the namespace or without; the control plane refuses a type of another namespace */
function paramsOf(namespace: string, { type, id }: Schemas['ApplicationEntity']['uid']) {
  const within = `${namespace}::`;
  return { namespace, type: type.startsWith(within) ? type.slice(within.length) : type, id };
}

function isEntity(
  value: unknown,
): value is Pick<Schemas['ApplicationEntity'], 'uid'> & { attrs: unknown; parents?: unknown } {
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

/** @throws InvalidArgumentError for a text that cannot be the namespace of a model */
function readNamespace(text: string): string {
  if (/^[A-Z][A-Za-z0-9]{0,31}$/.test(text)) return text;
  throw new InvalidArgumentError('Write its namespace, e.g. Portal; `countersign model list` shows them.');
}
