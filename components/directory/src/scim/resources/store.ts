import { type Json, membersOf } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** Read from storage instead of a node's snapshot, so that every node gives the same answer. */
export interface StoredResource {
  readonly kind: 'person' | 'desk';
  readonly entity: string;
  readonly institution: string;
  readonly scimId: string;
  readonly externalId: string | null;
  readonly version: number;
  /** Changes with the external id. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly changedAt: Date;
  readonly document: { readonly [member: string]: Json };
}

interface Row extends Omit<StoredResource, 'document'> {
  readonly document: Json;
}

const columns = `kind, id as entity, institution, scim_id as "scimId", external_id as "externalId", version, revision,
  created_at as "createdAt", changed_at as "changedAt", document`;
/** Deleted through SCIM and unchanged since: SCIM treats it as absent, even if another entity still names it. */
const visible = 'scim_deleted_version is distinct from version';

export type Exactly = { readonly scimId: string } | { readonly userName: string } | { readonly externalId: string };

export interface ScimStore {
  all(institution: string): Promise<readonly StoredResource[]>;
  person(institution: string, scimId: string): Promise<readonly StoredResource[]>;
  some(institution: string, known: Exactly): Promise<readonly StoredResource[]>;
  desk(
    institution: string,
    which: { readonly scimId: string } | { readonly name: string },
  ): Promise<readonly StoredResource[]>;
  people(institution: string, scimIds: readonly string[]): Promise<readonly StoredResource[]>;
  hasDesk(institution: string, name: string): Promise<boolean>;
  /** At any institution, and whether SCIM has deleted it. */
  holder(entity: string): Promise<(StoredResource & { readonly deleted: boolean }) | undefined>;
  /** As if the creation had set it. */
  giveExternalId(to: StoredResource, externalId: string): Promise<void>;
  changeExternalId(of: StoredResource, to: string | null): Promise<boolean>;
  /** Deletes the SCIM data of a person who has left and is still named. */
  hide(entity: string): Promise<void>;
}

export function createScimStore(pool: pg.Pool): ScimStore {
  async function read(text: string, values: readonly unknown[]): Promise<readonly StoredResource[]> {
    try {
      const { rows } = await pool.query<Row>(text, [...values]);
      return rows.map(readRow).filter(isWhereItsDocumentSays);
    } catch (error) {
      throw databaseFailure(error);
    }
  }

  return {
    all: (institution) =>
      read(
        `select ${columns} from entities
          where institution = $1 and kind in ('person', 'desk') and ${visible} order by kind, id`,
        [institution],
      ),

    person: (institution, scimId) =>
      read(
        `with person as (select * from entities where scim_id = $2 and institution = $1 and kind = 'person' and ${visible})
         select ${columns} from person
         union all
         select ${columns} from entities
          where kind = 'desk' and id = (select institution || '/' || (document->>'desk') from person)`,
        [institution, scimId],
      ),

    some(institution, known) {
      const [condition, value] =
        'scimId' in known
          ? ['scim_id = $2', known.scimId]
          : 'userName' in known
            ? ['id = $2', `person:${known.userName.toLowerCase()}`]
            : ['external_id = $2', known.externalId];
      return read(
        `select ${columns} from entities where kind = 'desk' and institution = $1
         union all
         (select ${columns} from entities
           where kind = 'person' and institution = $1 and ${condition} and ${visible} order by id)`,
        [institution, value],
      );
    },

    desk: (institution, which) =>
      read(
        `with desk as (select * from entities
                        where institution = $1 and kind = 'desk' and ${'scimId' in which ? 'scim_id' : 'id'} = $2)
         select ${columns} from desk
         union all
         (select ${columns} from entities
           where institution = $1 and kind = 'person' and ${visible}
             and document->>'desk' = (select document->>'name' from desk)
           order by id)`,
        [institution, 'scimId' in which ? which.scimId : `${institution}/${which.name}`],
      ),

    people: (institution, scimIds) =>
      read(
        `select ${columns} from entities
          where scim_id = any($2::uuid[]) and institution = $1 and kind = 'person' and ${visible}`,
        [institution, scimIds],
      ),

    hasDesk: async (institution, name) =>
      (await read(`select ${columns} from entities where kind = 'desk' and id = $1`, [`${institution}/${name}`]))
        .length === 1,

    async holder(entity) {
      try {
        const { rows } = await pool.query<Row & { readonly deleted: boolean }>(
          `select ${columns}, not (${visible}) as deleted from entities where kind = 'person' and id = $1`,
          [entity],
        );
        const [row] = rows;
        return row === undefined ? undefined : { ...readRow(row), deleted: row.deleted };
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    async giveExternalId({ kind, entity, scimId }, externalId) {
      try {
        await pool.query(
          'update entities set external_id = $4 where kind = $1 and id = $2 and scim_id = $3 and external_id is null',
          [kind, entity, scimId, externalId],
        );
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    async changeExternalId({ kind, entity, scimId, revision }, to) {
      try {
        const { rowCount } = await pool.query(
          `update entities set external_id = $5, revision = revision + 1, changed_at = now()
            where kind = $1 and id = $2 and scim_id = $3 and revision = $4`,
          [kind, entity, scimId, revision, to],
        );
        return rowCount === 1;
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    async hide(entity) {
      try {
        await pool.query(
          `update entities set scim_deleted_version = version, scim_id = gen_random_uuid(), external_id = null, revision = 0
            where kind = 'person' and id = $1 and ${visible}
              and document->>'active' = 'false' and document->'roles' = '[]'::jsonb`,
          [entity],
        );
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}

/** The indexed column finds it; the document, which guards every change, states its institution. */
function isWhereItsDocumentSays({ institution, document }: StoredResource): boolean {
  return document['institution'] === institution;
}

function readRow({ document, ...row }: Row): StoredResource {
  const members = membersOf(document);
  if (members === undefined) throw new Error(`a stored entity is no object: ${row.entity}`);
  return { ...row, document: members };
}
